// Loaded into a server with `--import`: SIGUSR2 blocks its event loop for BLOCK_MS.
process.on('SIGUSR2', () => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(process.env.BLOCK_MS))
})
