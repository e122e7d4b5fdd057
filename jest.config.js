const project = (displayName, ...folders) => ({
  displayName,
  testMatch: folders.map(folder => `<rootDir>/${folder}/**/*.test.ts`),
  transform: { '\\.ts$': ['@swc/jest', { jsc: { target: 'es2024', parser: { syntax: 'typescript' } } }] },
  // The workspace's packages as they stand in the source tree, not as they are compiled into images.
  testEnvironmentOptions: { customExportConditions: ['source', 'node', 'node-addons'] },
})

export default {
  testTimeout: 30_000,
  projects: [
    project('unit', 'packages/*/src', 'services/*/src', 'tests/docs', 'tests/k8s', 'tests/faults'),
    { ...project('process', 'tests/process'), setupFilesAfterEnv: ['<rootDir>/tests/retry.ts'] },
    {
      ...project('container', 'tests/container'),
      setupFilesAfterEnv: ['<rootDir>/tests/retry.ts'],
      globalSetup: '<rootDir>/tests/container/setup.ts',
    },
  ],
}
