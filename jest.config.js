// Compiled code of jest's workers and of the programs that tests start: loading it takes a third of the time of compiling it.
process.env.NODE_COMPILE_CACHE ??= `${import.meta.dirname}/node_modules/.cache/node`

/** Process tests that assert rates or latencies, or measure memory: they run when nothing else does, one file after the other. */
const alone = ['client.scale', 'client.schedule', 'fault-laboratory', 'load.latency'].map(name => `tests/process/${name}.test.ts`)

const project = (displayName, ...testMatch) => ({
  displayName,
  testMatch: testMatch.map(path => `<rootDir>/${path}`),
  transform: { '\\.ts$': ['@swc/jest', { jsc: { target: 'es2024', parser: { syntax: 'typescript' } } }] },
  // The packages' sources, not the compiled code that the images contain.
  testEnvironmentOptions: { customExportConditions: ['source', 'node', 'node-addons'] },
})

export default {
  // Most tests wait for other processes, and leave the cores to each other.
  maxWorkers: 6,
  // Only bounds hangs.
  testTimeout: 240_000,
  projects: [
    project('unit', '{packages,services}/*/src/**/*.test.ts', 'tests/{docs,k8s,faults,monitoring,release,soak}/**/*.test.ts'),
    { ...project('process', 'tests/process/**/*.test.ts'), testPathIgnorePatterns: alone.map(path => `<rootDir>/${path}`) },
    { ...project('alone', ...alone), runner: '<rootDir>/tests/alone-runner.js' },
    project('browser', 'tests/browser/**/*.test.ts'),
    { ...project('container', 'tests/container/**/*.test.ts'), globalSetup: '<rootDir>/tests/container/setup.ts' },
  ],
}
