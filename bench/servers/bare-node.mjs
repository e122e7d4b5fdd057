// The reference: a minimal echo server on Node, without error listener, limits, metrics or log.
import { createServer } from 'node:net'

const server = createServer(socket => socket.on('data', chunk => socket.write(chunk)))
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
