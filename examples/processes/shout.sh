#!/bin/sh
# A process function that lives for one call: the body on standard input, what the request was in its environment as CGI says it,
# header lines, an empty line and the answer on standard output.
printf 'content-type: text/plain\r\n\r\n'
tr '[:lower:]' '[:upper:]'
echo " ($REQUEST_METHOD)"
