#!/usr/bin/env bash
# Follows the stream at the URL with curl, over and over, and resumes: what a person with a shell would write.
last= first=true
while true; do
  id=$last event= data=
  while IFS= read -r line; do
    case $line in
      'id: '*) id=${line#id: } ;;
      'event: '*) event=${line#event: } ;;
      'data: '*) data=${line#data: } ;;
      '')
        last=$id
        if [[ $event == connected ]]; then
          $first && echo connected
          first=false
        elif [[ -n $data ]]; then
          echo "${event:-message} $data"
        fi
        event= data=
        ;;
    esac
  done < <(curl --noproxy '*' -sN ${last:+-H "Last-Event-ID: $last"} "$1")
done
