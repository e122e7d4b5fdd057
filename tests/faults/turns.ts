// Loaded into a client with `--import`: SIGUSR2 writes the longest turn of its event loop since the last one to stderr, ms of CPU time. CPU
// time leaves out what other programs on a busy machine take.
const INTERVAL_MS = 1

const cpuMs = () => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}

let lastMs = cpuMs()
let longestMs = 0
setInterval(() => {
  const nowMs = cpuMs()
  longestMs = Math.max(longestMs, nowMs - lastMs)
  lastMs = nowMs
}, INTERVAL_MS).unref()

process.on('SIGUSR2', () => {
  process.stderr.write(`longest turn ${longestMs.toFixed(1)}\n`)
  longestMs = 0
})
