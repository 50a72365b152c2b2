// Sends the lines of stdin (x,y,timestamp,robot_name) to telemetryd; prints each with its answer.
// node producer.mjs URL [--key-file FILE] [--ca FILE] < events.csv
// The key may also be in TELEMETRY_KEY. Exit code 2: the server refuses the key.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import WebSocket from "ws"; // the one of browsers and Node 22 cannot send a key

function producer(url, options, on_answer, window = 100) {
  const unanswered = []; // oldest first; survives the connection
  let sent, socket; // how many of them went out on this connection
  const flush = () => {
    while (socket.readyState === WebSocket.OPEN && sent < Math.min(window, unanswered.length))
      socket.send(unanswered[sent++]);
  };
  const connect = () => {
    [sent, socket] = [0, new WebSocket(url, options)]; // all of them again, before anything new
    socket.onopen = flush;
    socket.onmessage = ({ data }) => { sent--; on_answer(unanswered.shift(), data); flush(); };
    socket.onerror = ({ message }) => { // onclose follows
      console.error(message);
      if (/response: 40[13]$/.test(message)) process.exit(2); // again it would be the same
    };
    socket.onclose = () => setTimeout(connect, 500);
  };
  connect();
  return (line) => { unanswered.push(line); flush(); };
}

const file = { type: "string" };
const { values: given, positionals: [url] } =
  parseArgs({ allowPositionals: true, options: { "key-file": file, ca: file } });
const key = given["key-file"] ? readFileSync(given["key-file"], "utf8") : process.env.TELEMETRY_KEY;
const options = {
  headers: key?.trim() ? { Authorization: `Bearer ${key.trim()}` } : {},
  ca: given.ca && readFileSync(given.ca), // of a private certificate authority
  autoSelectFamily: true, // localhost is ::1 and 127.0.0.1; before Node 20 only one is tried
};
const lines = readFileSync(0, "utf8").split("\n");
if (lines.at(-1) === "") lines.pop(); // behind the last newline there is no line
if (lines.length === 0) process.exit();
let answers = 0;
const send = producer(url, options, (line, answer) => {
  console.log(line, answer);
  if (++answers === lines.length) process.exit();
});
lines.forEach(send);
