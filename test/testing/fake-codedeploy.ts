import { type Answer, type Asked, type JsonServer, jsonServer } from './json-server.ts';

export type FakeDeployment = {
  readonly deploymentId: string;
  readonly createTime: number;
  status: string;
  completeTime?: number;
  creator: string;
  revision: object;
  description?: string;
  deploymentOverview?: object | undefined;
  instanceTerminationWaitTimeStarted: boolean;
};

export type FakeCodeDeploy = JsonServer & {
  /** Oldest first. */
  readonly deployments: FakeDeployment[];
  autoScalingGroups: readonly string[];
  isBlueGreen: boolean;
  perPage: number;
  /** Begins a deployment of a commit at GitHub; what is in `more` it has in place of that. */
  begin(commit: string, status: string, more?: Partial<FakeDeployment>): FakeDeployment;
};

/**
 * CodeDeploy's JSON protocol over one deployment group, for who signs as `key`. Answers and errors are in the shape in which AWS documents them; it was
 * not recorded at AWS.
 */
export async function fakeCodeDeploy({
  application,
  group,
  key,
}: {
  application: string;
  group: string;
  key: string;
}): Promise<FakeCodeDeploy> {
  const server = await jsonServer((asked) => {
    if (!String(asked.headers.authorization).includes(`Credential=${key}/`))
      return refuse('UnrecognizedClientException', 'The security token included in the request is invalid.');
    const input = JSON.parse(asked.body) as Input;
    if (input.applicationName !== undefined && input.applicationName !== application)
      return refuse('ApplicationDoesNotExistException', `No application found for name: ${input.applicationName}`);
    if (input.deploymentGroupName !== undefined && input.deploymentGroupName !== group)
      return refuse('DeploymentGroupDoesNotExistException', `No Deployment Group found for name: ${input.deploymentGroupName}`);
    switch (callOf(asked)) {
      case 'GetDeploymentGroup':
        return say({ deploymentGroupInfo: groupInfo() });
      case 'ListDeployments':
        return list(input);
      case 'BatchGetDeployments':
        return (input.deploymentIds ?? []).length > 25
          ? refuse('BatchLimitExceededException', 'The maximum number of names or IDs allowed for this request (25) was exceeded.')
          : say({ deploymentsInfo: self.deployments.filter(({ deploymentId }) => input.deploymentIds?.includes(deploymentId)).map(info) });
      default:
        return refuse('UnknownOperationException', callOf(asked));
    }
  });
  const list = ({ includeOnlyStatuses, createTimeRange, nextToken = '0' }: Input): Answer => {
    const found = self.deployments
      .filter(({ status }) => includeOnlyStatuses?.includes(status) ?? true)
      .filter(({ createTime }) => createTime >= (createTimeRange?.start ?? 0))
      .map(({ deploymentId }) => deploymentId)
      .reverse();
    const end = Number(nextToken) + self.perPage;
    return say({ deployments: found.slice(Number(nextToken), end), ...(end < found.length ? { nextToken: `${end}` } : {}) });
  };
  const groupInfo = () => {
    const brief = (one: FakeDeployment | undefined) =>
      one && { deploymentId: one.deploymentId, status: one.status, endTime: one.completeTime, createTime: one.createTime };
    return {
      applicationName: application,
      deploymentGroupId: '85153ec0-aaaa-bbbb-cccc-ddddeeeeffff',
      deploymentGroupName: group,
      deploymentConfigName: 'CodeDeployDefault.OneAtATime',
      ec2TagFilters: [],
      onPremisesInstanceTagFilters: [],
      autoScalingGroups: self.autoScalingGroups.map((name) => ({
        name,
        hook: `CodeDeploy-managed-automatic-launch-deployment-hook-${group}-1f`,
      })),
      serviceRoleArn: 'arn:aws:iam::123456789012:role/CodeDeploy',
      deploymentStyle: {
        deploymentType: self.isBlueGreen ? 'BLUE_GREEN' : 'IN_PLACE',
        deploymentOption: 'WITH_TRAFFIC_CONTROL',
      },
      lastSuccessfulDeployment: brief(self.deployments.findLast(({ status }) => status === 'Succeeded')),
      lastAttemptedDeployment: brief(self.deployments.at(-1)),
      computePlatform: 'Server',
    };
  };
  const info = (one: FakeDeployment) => ({
    applicationName: application,
    deploymentGroupName: group,
    deploymentConfigName: 'CodeDeployDefault.OneAtATime',
    ignoreApplicationStopFailures: false,
    fileExistsBehavior: 'DISALLOW',
    computePlatform: 'Server',
    ...one,
  });
  const self: FakeCodeDeploy = Object.assign(server, {
    deployments: [],
    autoScalingGroups: ['shop-prod'],
    isBlueGreen: false,
    perPage: 100,
    begin(commit: string, status: string, more: Partial<FakeDeployment> = {}) {
      const n = self.deployments.length;
      const createTime = 1_700_000_000.25 + n * 600;
      const one: FakeDeployment = {
        deploymentId: `d-A1B2C3D${n}`,
        createTime,
        status,
        ...(status === 'Succeeded' ? { completeTime: createTime + 120 } : {}),
        creator: 'user',
        revision: { revisionType: 'GitHub', gitHubLocation: { repository: 'acme/shop', commitId: commit } },
        deploymentOverview: { Pending: 1, InProgress: 1, Succeeded: 0, Failed: 0, Skipped: 0, Ready: 0 },
        instanceTerminationWaitTimeStarted: false,
        ...more,
      };
      self.deployments.push(one);
      return one;
    },
  });
  return self;
}

/** As AWS refuses a call of this protocol. */
export function refuse(type: string, message: string): Answer {
  return { status: 400, json: { __type: type, message }, headers };
}

export function callOf({ headers: { 'x-amz-target': target } }: Asked): string {
  return String(target).replace('CodeDeploy_20141006.', '');
}

const headers = { 'content-type': 'application/x-amz-json-1.1' };

function say(json: object): Answer {
  return { status: 200, json, headers };
}

type Input = {
  readonly applicationName?: string;
  readonly deploymentGroupName?: string;
  readonly includeOnlyStatuses?: readonly string[];
  readonly createTimeRange?: { readonly start?: number };
  readonly nextToken?: string;
  readonly deploymentIds?: readonly string[];
};
