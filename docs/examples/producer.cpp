// Sends the lines of stdin (x,y,timestamp,robot_name) to telemetryd; prints each with its answer.
// g++ -std=c++20 -O1 producer.cpp -o producer -pthread; ./producer 127.0.0.1 8000 < events.csv
#include <utility>

#include <boost/beast.hpp>

#include <chrono>
#include <deque>
#include <iostream>
#include <thread>

namespace asio = boost::asio;
namespace beast = boost::beast;

void produce(const char* host, const char* port, std::istream& lines, std::size_t window = 100) {
  std::deque<std::string> unanswered; // oldest first; survives the connection
  for (;;)
    try {
      asio::io_context io;
      beast::websocket::stream<asio::ip::tcp::socket> connection(io);
      asio::connect(connection.next_layer(), asio::ip::tcp::resolver(io).resolve(host, port));
      connection.handshake(host, "/upstream");
      for (const std::string& line : unanswered) // again, before anything new
        connection.write(asio::buffer(line));
      for (beast::flat_buffer answer;; answer.clear()) {
        for (std::string line; unanswered.size() < window && std::getline(lines, line);)
          connection.write(asio::buffer(unanswered.emplace_back(line)));
        if (unanswered.empty())
          return connection.close(beast::websocket::close_code::normal);
        connection.read(answer); // only an answer takes a line off the list
        std::cout << unanswered.front() << ' ' << beast::make_printable(answer.data()) << '\n';
        unanswered.pop_front();
      }
    } catch (const boost::system::system_error& broken) {
      std::cerr << broken.what() << ", connecting again\n";
      std::this_thread::sleep_for(std::chrono::milliseconds(500));
    }
}

int main(int, char** arguments) { produce(arguments[1], arguments[2], std::cin); }
