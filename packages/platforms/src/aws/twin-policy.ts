/**
 * What a session of a run that makes twins may do, and nothing else: read, create what carries its tag from the first moment, and change and
 * delete what carries it. It can touch nothing that was there before the run.
 */
export function twinPolicy(runId: string): string {
  const groups = 'arn:aws:ec2:*:*:security-group/*';
  const statements = [
    { Action: ['ec2:DescribeSecurityGroups', 'ec2:DescribeNetworkInterfaces'], Resource: '*' },
    // Made with its tag, or not at all: what is asked of the group is not asked of the network that it is made in.
    { Action: 'ec2:CreateSecurityGroup', Resource: groups, Condition: { StringEquals: { 'aws:RequestTag/haldane:run': runId } } },
    { Action: 'ec2:CreateSecurityGroup', Resource: 'arn:aws:ec2:*:*:vpc/*' },
    { Action: 'ec2:CreateTags', Resource: groups, Condition: { StringEquals: { 'ec2:CreateAction': 'CreateSecurityGroup' } } },
    {
      Action: ['ec2:AuthorizeSecurityGroupIngress', 'ec2:RevokeSecurityGroupIngress', 'ec2:DeleteSecurityGroup'],
      Resource: groups,
      Condition: { StringEquals: { 'aws:ResourceTag/haldane:run': runId } },
    },
  ];
  return JSON.stringify({ Version: '2012-10-17', Statement: statements.map((one) => ({ Effect: 'Allow', ...one })) });
}
