import { type JsonServer, jsonServer } from './json-server.ts';

/** A server group of an Auto Scaling group, in the shape in which Clouddriver gives it. */
export type FakeServerGroup = ReturnType<typeof serverGroup>;

export type FakeGate = JsonServer & {
  groups: FakeServerGroup[];
  /** Executions of pipelines and of tasks, in Orca's shape. */
  executions: FakeExecution[];
  tasks: FakeExecution[];
};

export type FakeStage = {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  status: string;
  readonly parentStageId: string | null;
  readonly context: Readonly<Record<string, unknown>>;
};
export type FakeExecution = { readonly id: string; readonly name: string; status: string; readonly stages: readonly FakeStage[] };

/** Spinnaker's API over one application, for who shows the token. Filters, expands and refuses as Gate, Orca and Clouddriver do. */
export async function fakeGate({
  application = 'shop',
  account = 'prod',
  cluster = 'shop-prod',
  token,
}: FakeGateOptions): Promise<FakeGate> {
  const server = await jsonServer(({ url, headers }) => {
    // Without a session Gate leads to a login.
    if (headers.authorization !== `Bearer ${token}`) return { status: 302, headers: { location: '/login' } };
    const [, place, app, what, ...rest] = url.pathname.split('/').map(decodeURIComponent);
    if (place !== 'applications' || app !== application) return notFound(url);
    const statuses = url.searchParams.get('statuses')?.split(',');
    const chosen = (all: readonly FakeExecution[]) =>
      all.filter(({ status }) => statuses?.includes(status) ?? true).slice(0, Number(url.searchParams.get('limit') ?? 10));
    switch (what) {
      case 'clusters':
        return rest[0] === account && rest[1] === cluster && rest[2] === 'serverGroups'
          ? { status: 200, json: gate.groups }
          : notFound(url);
      case 'serverGroups': {
        const found = gate.groups.find(({ name, region }) => rest[0] === account && rest[1] === region && rest[2] === name);
        return found === undefined ? notFound(url) : { status: 200, json: found };
      }
      case 'pipelines': {
        const expand = url.searchParams.get('expand') !== 'false';
        return { status: 200, json: chosen(gate.executions).map((one) => executionJson(one, application, expand)) };
      }
      case 'tasks':
        return { status: 200, json: chosen(gate.tasks).map((one) => taskJson(one, application)) };
      default:
        return notFound(url);
    }
  });
  const gate: FakeGate = Object.assign(server, { groups: [], executions: [], tasks: [] });
  return gate;
}

type FakeGateOptions = {
  readonly application?: string;
  readonly account?: string;
  readonly cluster?: string;
  readonly token: string;
};

function notFound(url: URL) {
  return { status: 404, json: { timestamp: Date.now(), status: 404, error: 'Not Found', message: `Not found (${url.pathname})` } };
}

/** As AmazonServerGroup is serialised: newer fields beside those that older callers read. */
export function serverGroup(name: string, commit: string | null, { region = 'eu-west-1', createdTime = 1_700_000_000_000 } = {}) {
  return {
    name,
    type: 'aws',
    cloudProvider: 'aws',
    region,
    zones: [`${region}a`, `${region}b`],
    createdTime,
    disabled: false,
    instances: [{ name: 'i-0a1', healthState: 'Up', health: [{ type: 'TargetGroup', state: 'Up' }] }],
    image: { imageId: 'ami-0123456789abcdef0', name: `shop-1.2.3-h42-x86_64-${commit ?? 'unknown'}`, tags: [] },
    launchConfig: null,
    launchTemplate: {
      launchTemplateId: 'lt-0123456789abcdef0',
      launchTemplateName: `${name}-06012024`,
      versionNumber: 1,
      defaultVersion: true,
      launchTemplateData: { imageId: 'ami-0123456789abcdef0', instanceType: 'm6i.large' },
    },
    asg: {
      autoScalingGroupName: name,
      minSize: 2,
      maxSize: 6,
      desiredCapacity: 3,
      suspendedProcesses: [],
      targetGroupNames: ['shop-prod'],
    },
    buildInfo:
      commit === null
        ? null
        : {
            package_name: 'shop',
            version: '1.2.3',
            commit,
            jenkins: { name: 'shop-build', number: '42', host: 'https://jenkins.example.com/' },
          },
    vpcId: 'vpc-1',
    targetGroups: ['shop-prod'],
    loadBalancers: [],
    securityGroups: ['sg-1'],
    instanceCounts: { total: 3, up: 3, down: 0, unknown: 0, starting: 0, outOfService: 0 },
    capacity: { min: 2, max: 6, desired: 3 },
    moniker: { app: 'shop', cluster: name.replace(/-v\d+$/, ''), stack: 'prod', detail: null, sequence: 1 },
  };
}

let stages = 0;

/** One stage of an execution; what is not said is as most stages have it. */
export function stage(type: string, context: Readonly<Record<string, unknown>> = {}, more: Partial<FakeStage> = {}): FakeStage {
  stages += 1;
  return { id: `01HSTAGE${stages}`, type, name: type, status: 'RUNNING', parentStageId: null, context, ...more };
}

function executionJson({ id, name, status, stages: all }: FakeExecution, application: string, expand: boolean) {
  return {
    type: 'PIPELINE',
    id,
    application,
    name,
    status,
    pipelineConfigId: '6a4cff2e-8265-4584-8993-2da2eb6254f5',
    startTime: 1_700_000_100_000,
    endTime: null,
    trigger: { type: 'manual', user: 'someone' },
    stages: all.map((one, index) => ({
      ...one,
      refId: String(index),
      requisiteStageRefIds: [],
      startTime: 1_700_000_100_000,
      endTime: null,
      syntheticStageOwner: one.parentStageId === null ? null : 'STAGE_BEFORE',
      context: expand ? one.context : {},
      outputs: {},
      tasks: expand ? [{ id: '1', name: 'determineSourceServerGroup', status: one.status }] : [],
    })),
  };
}

function taskJson(one: FakeExecution, application: string) {
  const variables = one.stages.flatMap(({ context }) => Object.entries(context).map(([key, value]) => ({ key, value })));
  const execution = { ...executionJson(one, application, true), type: 'ORCHESTRATION', name: null, description: one.name };
  return { id: one.id, name: one.name, application, status: one.status, variables, steps: [], buildTime: 1_700_000_100_000, execution };
}
