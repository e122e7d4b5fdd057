// @ts-check
/**
 * Starts a program from its source tree. Plain JavaScript without newer syntax, so that an old Node can run it and print the required
 * version.
 */

/** The oldest Node that runs the programs: major and minor version. */
const requiredNode = [24, 12]

/** @param {string} version such as 20.20.2 */
function isSupported(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [requiredMajor = 0, requiredMinor = 0] = requiredNode
  return major > requiredMajor || (major === requiredMajor && minor >= requiredMinor)
}

/**
 * @param {string} name of the program
 * @param {() => Promise<unknown>} start
 */
async function launch(name, start) {
  const { node } = process.versions
  if (isSupported(node)) await start()
  else {
    process.stderr.write(`${name} needs Node.js ${requiredNode.join('.')} or later; this is ${node}\n`)
    process.exitCode = 2
  }
}

exports.requiredNode = requiredNode
exports.isSupported = isSupported
exports.launch = launch
