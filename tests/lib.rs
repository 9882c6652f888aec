//! What the tests of Tidewire share: machine pairs under fake time, vectors, fuzz bodies.
