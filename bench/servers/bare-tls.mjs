// The reference for TLS: a minimal echo server on Node. Arguments: files of the certificate and the key.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:tls'

const [, , cert, key] = process.argv
const options = { cert: readFileSync(cert), key: readFileSync(key) }
const server = createServer(options, socket => socket.on('data', chunk => socket.write(chunk)))
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
