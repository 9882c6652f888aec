//! A case of `vectors/ws` as octets, and what they are to be answered with.

use tidewire_core::ws::Role;

use crate::naive_peer::{Peer, Seen};
use crate::vectors_ws::{Answer, Case, Frame, Step};
use crate::ws_echo::other;

/// What comes in one case, and when what is to go out.
#[derive(Debug)]
pub struct Script {
    /// Its number and the end.
    pub name: String,
    /// The end that is tested.
    pub role: Role,
    /// What comes.
    pub stream: Vec<u8>,
    /// Where the pieces of the case itself end.
    pub pieces: Vec<usize>,
    /// What is to go out.
    pub answers: Vec<Due>,
    /// Whether the last of it tells the peer of its fault.
    pub fault: bool,
}

/// An answer that is not there before `earliest` octets have come, and is there when `due` have.
#[derive(Debug)]
pub struct Due {
    /// What goes out.
    pub answer: Answer,
    /// How many octets have come then at least.
    pub earliest: usize,
    /// And at most.
    pub due: usize,
}

impl Script {
    /// Writes down a case for the end of this role.
    pub fn new(case: &Case, role: Role) -> Self {
        let mut script = Self {
            name: format!("{} as a {role:?}", case.number),
            role,
            stream: Vec::new(),
            pieces: Vec::new(),
            answers: Vec::new(),
            fault: false,
        };
        let mut steps = case.steps.clone();
        if !steps.iter().any(|step| matches!(step, Step::Goes(Answer::Close(_)))) {
            let payload = 1000_u16.to_be_bytes().to_vec();
            steps.push(Step::Comes(Frame { fin: true, opcode: 8, payload, ..Frame::default() }));
            steps.push(Step::Goes(Answer::Close(vec![1000])));
        }
        let mut peer = Peer::new(other(role));
        let (mut earliest, mut due, mut last) = (0, 0, Frame::default());
        for step in steps {
            match step {
                Step::Comes(frame) => {
                    let start = script.stream.len();
                    let payload = peer.write(&frame, &mut script.stream);
                    script.pieces.extend(frame.cuts.iter().map(|at| payload + at));
                    due = frame.mark.map_or(script.stream.len(), |at| payload + at);
                    // That a frame is wrong may show before it is whole, where the case does not say at which octet.
                    earliest = if frame.mark.is_some() { due } else { start + 1 };
                    last = frame;
                }
                Step::Goes(answer) => {
                    let is_whole = !matches!(&answer, Answer::Close(codes) if !is_answer(codes, &last));
                    script.fault |= !is_whole;
                    let earliest = if is_whole { due } else { earliest };
                    script.answers.push(Due { answer, earliest, due });
                }
            }
        }
        script.pieces.push(script.stream.len());
        script
    }
}

/// Tells whether a close frame with such a code answers `frame`.
fn is_answer(codes: &[u16], frame: &Frame) -> bool {
    let code = frame.payload.first_chunk().map(|code| u16::from_be_bytes(*code));
    frame.opcode == 8
        && frame.fin
        && frame.rsv == 0
        && codes.first() == code.as_ref()
        && frame.payload.len() != 1
        && frame.payload.len() <= 125
}

/// Tells whether `answer` is what was expected.
pub fn fits(answer: &Answer, expected: &Answer) -> bool {
    match (answer, expected) {
        (Answer::Close(code), Answer::Close(codes)) => {
            code.is_empty() && codes.is_empty() || code.iter().any(|code| codes.contains(code))
        }
        _ => answer == expected,
    }
}

/// Returns what has gone out, messages whole.
///
/// # Panics
///
/// If there is a reserved bit, or a ping.
pub fn answers(frames: &[Seen]) -> Vec<Answer> {
    let mut answers = Vec::new();
    let mut message: Option<(u8, Vec<u8>)> = None;
    for frame in frames {
        assert_eq!(frame.rsv, 0, "a reserved bit");
        let payload = &frame.payload;
        match frame.opcode {
            8 => answers
                .push(Answer::Close(payload.first_chunk().map(|code| u16::from_be_bytes(*code)).into_iter().collect())),
            9 => panic!("a ping"),
            10 => answers.push(Answer::Pong(payload.clone())),
            opcode => {
                let (_, all) = message.get_or_insert((opcode, Vec::new()));
                all.extend(payload);
                if frame.fin {
                    let (opcode, all) = message.take().expect("one that is whole");
                    answers.push(Answer::Message(opcode, all));
                }
            }
        }
    }
    answers
}
