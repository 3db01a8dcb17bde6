import type { ApiCall, Before, MotoServer } from '@haldane/platforms/aws-testing';

/** A call as CloudTrail writes it down, of the fields that rules here look at. */
export type TrailRecord = {
  readonly eventName: string;
  readonly eventSource: string;
  readonly eventTime: string;
  readonly awsRegion: string;
  readonly sourceIPAddress: string;
  readonly userIdentity: { readonly type: string; readonly arn: string; readonly accessKeyId: string };
  readonly requestParameters: Readonly<Record<string, unknown>>;
  readonly responseElements: Readonly<Record<string, unknown>>;
};

const written = ['ec2', 'iam', 's3', 'cloudtrail'];
/** What reads, and what is done to objects, which a trail does not write down unless it is told to. */
const unwritten = /^(Get|List|Describe)|Object$/;

/**
 * Stands before moto's server and writes the calls that change something down as CloudTrail would (moto has no trail to look into): from the
 * request and answer that really went through.
 */
export function cloudtrailTap(moto: MotoServer, tell: (record: TrailRecord) => void): Promise<Before> {
  return moto.withBefore(async (call, pass) => {
    const answer = await pass();
    if (answer.status < 300 && written.includes(call.service) && !unwritten.test(call.name)) tell(recordOf(call, answer.body.toString()));
    return answer;
  });
}

function recordOf({ name, service, region, accessKeyId, source, asked }: ApiCall, answer: string): TrailRecord {
  const made = /<groupId>([^<]+)<\/groupId>/.exec(answer)?.[1];
  return {
    eventName: name,
    eventSource: `${service}.amazonaws.com`,
    eventTime: new Date().toISOString(),
    awsRegion: region,
    sourceIPAddress: source,
    userIdentity: { type: 'IAMUser', arn: `arn:aws:iam::123456789012:user/${accessKeyId}`, accessKeyId },
    requestParameters: asked,
    responseElements: made === undefined ? {} : { groupId: made },
  };
}
