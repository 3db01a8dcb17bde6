import { AutoScalingClient, CreateAutoScalingGroupCommand, PutLifecycleHookCommand } from '@aws-sdk/client-auto-scaling';
import {
  CreateLaunchTemplateCommand,
  CreateSubnetCommand,
  CreateVpcCommand,
  DescribeSubnetsCommand,
  DescribeTagsCommand,
  EC2Client,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2';
import {
  CreateListenerCommand,
  CreateLoadBalancerCommand,
  CreateRuleCommand,
  CreateTargetGroupCommand,
  ElasticLoadBalancingV2Client,
  RegisterTargetsCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import type { TwinOf } from '@haldane/core';
import type { Hook } from '../aws-calls.ts';
import { type AwsConnection, sdkCalls } from '../sdk/connect.ts';
import { originals } from './originals.ts';
import { sdkOthers } from './others.ts';
import type { ServiceStand } from './service-stand.ts';

/**
 * The same service made by the SDK's own calls, in whatever answers them at `connection.endpoint`; in a network of its own (`10.1`: 10.1.0.0/16) where one is named; beside the
 * instances it has a security group, or what is named; with a side door `MARK-side`, of which one router is at that port. */
export async function sdkStand(
  mark: string,
  connection: AwsConnection,
  made: {
    readonly network?: string;
    readonly userData?: string;
    readonly beside?: readonly TwinOf[];
    readonly sideDoor?: { readonly port: number };
  } = {},
): Promise<ServiceStand & { close(): void }> {
  const clients = {
    ec2: new EC2Client(connection),
    balancing: new ElasticLoadBalancingV2Client(connection),
    groups: new AutoScalingClient(connection),
  };
  const Subnets = made.network === undefined ? await usualSubnets(clients.ec2) : await subnetsIn(clients.ec2, made.network);
  const subnets = Subnets.slice(0, 2).map((one) => one.SubnetId ?? '');
  const VpcId = Subnets[0]?.VpcId;
  const addTargets = async (name: string) => {
    const settings = { Protocol: 'HTTP', Port: 8080, VpcId, HealthCheckPath: '/healthz' } as const;
    const command = new CreateTargetGroupCommand({ ...settings, Name: name, Tags: [{ Key: 'team', Value: 'payments' }] });
    return (await clients.balancing.send(command)).TargetGroups?.[0]?.TargetGroupArn ?? '';
  };
  const production = await addTargets(`${mark}-targets`);
  const theirs = await addTargets(`${mark}-theirs`);
  const beside = made.beside ?? (['firewall'] as const);
  for (const of of beside) await originals[of](mark, connection, VpcId);
  const balancer = await clients.balancing.send(new CreateLoadBalancerCommand({ Name: `${mark}-alb`, Subnets: subnets }));
  const LoadBalancerArn = balancer.LoadBalancers?.[0]?.LoadBalancerArn;
  const DefaultActions = [{ Type: 'forward', TargetGroupArn: production } as const];
  const listening = await clients.balancing.send(
    new CreateListenerCommand({ LoadBalancerArn, Protocol: 'HTTP', Port: 80, DefaultActions }),
  );
  const side = made.sideDoor === undefined ? null : await addTargets(`${mark}-side`);
  const LaunchTemplateData = {
    ImageId: 'ami-12c6146b',
    InstanceType: 't3.micro',
    UserData: Buffer.from(made.userData ?? '#!/bin/sh\n').toString('base64'),
  } as const;
  await clients.ec2.send(new CreateLaunchTemplateCommand({ LaunchTemplateName: `${mark}-template`, LaunchTemplateData }));
  await clients.groups.send(
    new CreateAutoScalingGroupCommand({
      AutoScalingGroupName: `${mark}-production`,
      LaunchTemplate: { LaunchTemplateName: `${mark}-template`, Version: '$Latest' },
      MinSize: 2,
      MaxSize: 4,
      DesiredCapacity: 2,
      VPCZoneIdentifier: subnets.join(','),
      TargetGroupARNs: side === null ? [production] : [production, side],
      HealthCheckType: 'ELB',
      HealthCheckGracePeriod: 60,
      Tags: [{ Key: 'team', Value: 'payments', PropagateAtLaunch: true }],
    }),
  );
  if (side !== null && made.sideDoor !== undefined) {
    // The machine that Haldane runs on, and what has the balancer check the side door's targets while no run leads to it.
    const { Instances } = await clients.ec2.send(
      new RunInstancesCommand({ ImageId: 'ami-12c6146b', MinCount: 1, MaxCount: 1, ...(subnets[0] ? { SubnetId: subnets[0] } : {}) }),
    );
    const Targets = [{ Id: Instances?.[0]?.InstanceId, Port: made.sideDoor.port }];
    await clients.balancing.send(new RegisterTargetsCommand({ TargetGroupArn: side, Targets }));
    const nobody = { Field: 'source-ip', SourceIpConfig: { Values: ['192.0.2.1/32'] } };
    const Actions = [{ Type: 'forward', TargetGroupArn: side } as const];
    const ListenerArn = listening.Listeners?.[0]?.ListenerArn;
    await clients.balancing.send(new CreateRuleCommand({ ListenerArn, Priority: 900, Conditions: [nobody], Actions }));
  }
  for (const client of Object.values(clients)) client.destroy();
  const calls = sdkCalls(connection);
  const others = sdkOthers(connection);
  const addHook = async ({ name, isAtLaunch }: Hook) => {
    const LifecycleTransition = `autoscaling:EC2_INSTANCE_${isAtLaunch ? 'LAUNCHING' : 'TERMINATING'}`;
    const groups = new AutoScalingClient(connection);
    const named = { AutoScalingGroupName: `${mark}-production`, LifecycleHookName: name };
    await groups.send(new PutLifecycleHookCommand({ ...named, LifecycleTransition }));
    groups.destroy();
  };
  const close = () => {
    calls.close();
    others.close();
  };
  return { calls, mark, runId: `${mark}r`, listener: listening.Listeners?.[0]?.ListenerArn ?? '', theirs, beside, others, addHook, close };
}

async function usualSubnets(ec2: EC2Client) {
  return (await ec2.send(new DescribeSubnetsCommand({}))).Subnets ?? [];
}

async function subnetsIn(ec2: EC2Client, network: string) {
  const { Vpc } = await ec2.send(new CreateVpcCommand({ CidrBlock: `${network}.0.0/16` }));
  const add = async (n: number, AvailabilityZone: string) =>
    (await ec2.send(new CreateSubnetCommand({ VpcId: Vpc?.VpcId, CidrBlock: `${network}.${n}.0/24`, AvailabilityZone }))).Subnet ?? {};
  return [await add(1, 'eu-west-1a'), await add(2, 'eu-west-1b')];
}

/** The values of a tag on launch templates, as EC2 itself tells tags: moto describes a template with those that it was made with. */
export async function templateTags(connection: AwsConnection, key: string): Promise<readonly string[]> {
  const ec2 = new EC2Client(connection);
  const Filters = [
    { Name: 'resource-type', Values: ['launch-template'] },
    { Name: 'key', Values: [key] },
  ];
  const { Tags = [] } = await ec2.send(new DescribeTagsCommand({ Filters }));
  ec2.destroy();
  return Tags.map((one) => one.Value ?? '');
}
