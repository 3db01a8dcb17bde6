// Who may import whom (DESIGN section 2). `only(room, [...])` reads: this room imports nothing of ours but these.
const rooms = '^(packages/[^/]+|services/[^/]+|pipelines|examples/[^/]+)/';
const only = (room, allowed) => ({
  name: `only-${room.replace('/', '-')}`,
  comment: `${room} may import only: ${allowed.join(', ') || 'nothing of ours'}`,
  severity: 'error',
  from: { path: `^${room}/(src|dist)/`, pathNot: ['\\.test\\.ts$', '/bench/'] },
  to: { path: rooms, pathNot: [`^${room}/`, ...allowed.map((one) => `^${one}/`)] },
});
const p = (...names) => names.map((name) => `packages/${name}`);
const adapters = p('scenarios', 'platforms', 'metrics', 'alerts', 'reports', 'probes', 'store');
const strangers = (room) => ({
  name: `siblings-are-strangers-${room.replace('/', '-')}`,
  severity: 'error',
  from: { path: `^${room}/src/([^/]+)/`, pathNot: '\\.test\\.ts$' },
  to: { path: `^${room}/src/([^/]+)/`, pathNot: `^${room}/src/$1/` },
});
const sdk = (pattern, folders) => ({
  name: `sdk-stays-in-its-folder-${pattern.replace(/[^a-z0-9]+/gi, '-')}`,
  severity: 'error',
  from: { path: rooms, pathNot: folders.map((folder) => `^${folder}`) },
  to: { path: `node_modules/${pattern}` },
});

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    only('packages/core', []),
    only('packages/statistics', []),
    only('packages/documents', p('core')),
    only('packages/judge', p('core', 'statistics')),
    only('packages/egress', p('core')),
    only('packages/engine', p('core')),
    only('packages/dataplane', p('core', 'statistics')),
    only('packages/experiment', p('core', 'engine', 'judge', 'statistics', 'documents')),
    only('packages/scenarios', p('core')),
    only('packages/platforms', p('core', 'dataplane')),
    only('packages/metrics', p('core', 'dataplane', 'egress')),
    only('packages/alerts', p('core')),
    only('packages/probes', p('core', 'egress')),
    only('packages/reports', p('core', 'judge', 'statistics')),
    only('packages/client', p('core')),
    only('packages/store', p('core')),
    only('packages/policy', p('core', 'documents')),
    only('packages/notifiers', p('core', 'documents', 'egress')),
    only('packages/testkit', p('core', 'engine')),
    only('pipelines', p('core', 'client', 'documents', 'egress')),
    only('services/router', p('core', 'dataplane', 'statistics')),
    only('services/api', [...p('core', 'client', 'egress', 'store', 'alerts', 'reports', 'experiment', 'judge')]),
    only('services/runner', [
      ...p('core', 'engine', 'experiment', 'judge', 'statistics', 'dataplane', 'egress', 'policy'),
      ...adapters,
      'pipelines',
    ]),
    only('services/scheduler', p('core')),
    only('services/standalone', ['packages', 'pipelines', 'services']),
    only('services/cli', ['packages', 'pipelines', 'services']),
    {
      name: 'packages-never-import-services',
      severity: 'error',
      from: { path: '^(packages|pipelines)/' },
      to: { path: '^(services|examples|test)/' },
    },
    {
      name: 'the-product-knows-no-example',
      severity: 'error',
      from: { path: '^(packages|pipelines|services)/' },
      to: { path: '^examples/' },
    },
    {
      name: 'tests-only',
      comment: 'testkit is for tests and benchmarks',
      severity: 'error',
      from: { path: rooms, pathNot: ['\\.test\\.ts$', '/bench/', '^packages/testkit/'] },
      to: { path: '^packages/testkit/' },
    },
    {
      name: 'core-is-pure',
      severity: 'error',
      from: { path: '^packages/(core|statistics)/src', pathNot: ['\\.test\\.ts$', '/(conformance|bench)/'] },
      to: { dependencyTypes: ['core'] },
    },
    ...['packages/scenarios', 'packages/platforms', 'packages/metrics', 'packages/alerts', 'packages/notifiers', 'pipelines'].map(
      strangers,
    ),
    sdk('(pg|kysely)/', ['packages/store/', 'examples/']),
    sdk('node-cron/', ['services/scheduler/']),
    sdk('fastify/', ['services/api/', 'services/router/src/bench/', 'examples/']),
    sdk('undici/', ['services/router/', 'packages/probes/', 'examples/']),
    sdk('@peculiar/', ['packages/platforms/src/local/']),
    sdk('@opentelemetry/', ['services/standalone/src/tracing/']),
    sdk('@aws-sdk/', [
      'packages/platforms/src/aws/',
      'packages/metrics/src/cloudwatch/',
      'packages/alerts/src/cloudwatch/',
      'pipelines/src/codedeploy/',
    ]),
    { name: 'not-to-unresolvable', severity: 'error', from: { path: rooms }, to: { couldNotResolve: true } },
  ],
  options: {
    // `dist` must be followed into, not excluded: an excluded dist hides every import between rooms.
    doNotFollow: { path: 'node_modules|/dist/' },
    exclude: { path: '\\.d\\.ts$|/dist/(test/|.*\\.test\\.js$)' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'default'], extensions: ['.ts', '.js'] },
  },
};
