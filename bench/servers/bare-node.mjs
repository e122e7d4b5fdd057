// The yardstick: the least code that echoes on Node. No error listener, no limits, no metrics, no log.
import { createServer } from 'node:net'

const server = createServer(socket => socket.on('data', chunk => socket.write(chunk)))
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
