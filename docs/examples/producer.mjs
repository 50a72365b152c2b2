// Sends the lines of stdin (x,y,timestamp,robot_name) to telemetryd; prints each with its answer.
import { readFileSync } from "node:fs";
import WebSocket from "ws"; // built into browsers and Node 22

function producer(url, on_answer, window = 100) {
  const unanswered = []; // oldest first; survives the connection
  let sent, socket; // how many of them went out on this connection
  const flush = () => {
    while (socket.readyState === WebSocket.OPEN && sent < Math.min(window, unanswered.length))
      socket.send(unanswered[sent++]);
  };
  const connect = () => {
    [sent, socket] = [0, new WebSocket(url)]; // all of them again, before anything new
    socket.onopen = flush;
    socket.onmessage = ({ data }) => { sent--; on_answer(unanswered.shift(), data); flush(); };
    socket.onerror = () => {}; // onclose follows
    socket.onclose = () => setTimeout(connect, 500);
  };
  connect();
  return (line) => { unanswered.push(line); flush(); };
}

const lines = readFileSync(0, "utf8").split("\n");
if (lines.at(-1) === "") lines.pop(); // behind the last newline there is no line
if (lines.length === 0) process.exit();
let answers = 0;
const send = producer(process.argv[2], (line, answer) => {
  console.log(line, answer);
  if (++answers === lines.length) process.exit();
});
lines.forEach(send);
