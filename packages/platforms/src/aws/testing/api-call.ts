import type { IncomingMessage } from 'node:http';

/** A call of AWS's API as it goes over the wire, by whichever of its protocols. */
export type ApiCall = {
  /** As in the signature: `ec2`, `s3`, `cloudtrail`. */
  readonly service: string;
  /** As CloudTrail writes it: `PutBucketPolicy`. */
  readonly name: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly source: string;
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  /** What was asked, in CloudTrail's own words as far as they are one word: `groupId`, `bucketName`, `roleName`. */
  readonly asked: Readonly<Record<string, unknown>>;
};

/** Reads a call: EC2, IAM and most others are forms, CloudTrail's is JSON, and S3's is the address itself. */
export function apiCall(incoming: IncomingMessage, body: Buffer): ApiCall {
  const { method = 'POST', url: path = '/', headers } = incoming;
  const [, accessKeyId = '', region = '', service = ''] =
    /Credential=([^/]+)\/[^/]+\/([^/]+)\/([^/]+)\//.exec(headers.authorization ?? '') ?? [];
  const common = { service, region, accessKeyId, source: incoming.socket.remoteAddress ?? '', method, path, headers, body };
  if (service === 's3') return { ...common, ...storageCall(method, path, body) };
  const target = headers['x-amz-target'];
  if (typeof target === 'string') {
    const asked = Object.entries(JSON.parse(body.toString() || '{}') as object).map(([key, value]) => [lower(key), value as unknown]);
    return { ...common, name: target.split('.').at(-1) ?? '', asked: Object.fromEntries(asked) };
  }
  const form = new URLSearchParams(body.toString());
  const asked = [...form].filter(([key]) => !key.includes('.')).map(([key, value]) => [lower(key), value]);
  return { ...common, name: form.get('Action') ?? '', asked: { ...Object.fromEntries(asked), ...permissionsOf(form) } };
}

const verbs: Readonly<Record<string, string>> = { GET: 'Get', PUT: 'Put', DELETE: 'Delete' };
const bucketCalls: Readonly<Record<string, string>> = { GET: 'ListObjects', PUT: 'CreateBucket', DELETE: 'DeleteBucket' };
const subresources: Readonly<Record<string, string>> = { policy: 'Policy', tagging: 'Tagging', publicAccessBlock: 'PublicAccessBlock' };

function storageCall(method: string, path: string, body: Buffer): Pick<ApiCall, 'name' | 'asked'> {
  const { pathname, searchParams } = new URL(path, 'http://s3');
  const [bucketName = '', ...rest] = decodeURIComponent(pathname.slice(1)).split('/');
  const key = rest.join('/');
  const verb = verbs[method] ?? method;
  // The account's own block is asked by the same words, of another address.
  if (bucketName === 'v20180820') return { name: `${verb}AccountPublicAccessBlock`, asked: {} };
  const [about] = Object.entries(subresources).flatMap(([name, word]) => (searchParams.has(name) ? [word] : []));
  const text = body.toString();
  if (about === 'Policy')
    return { name: `${verb}BucketPolicy`, asked: { bucketName, bucketPolicy: text === '' ? null : (JSON.parse(text) as unknown) } };
  if (about !== undefined) return { name: `${verb}Bucket${about}`, asked: { bucketName } };
  if (bucketName === '') return { name: 'ListBuckets', asked: {} };
  if (key !== '') return { name: `${verb}Object`, asked: { bucketName, key } };
  return { name: bucketCalls[method] ?? method, asked: { bucketName } };
}

function permissionsOf(form: URLSearchParams): { readonly ipPermissions?: object } {
  const items: object[] = [];
  for (let n = 1; form.has(`IpPermissions.${n}.IpProtocol`); n += 1) {
    const at = `IpPermissions.${n}`;
    const cidrIp = form.get(`${at}.IpRanges.1.CidrIp`);
    items.push({ fromPort: form.get(`${at}.FromPort`), toPort: form.get(`${at}.ToPort`), ipRanges: { items: [{ cidrIp }] } });
  }
  return items.length === 0 ? {} : { ipPermissions: { items } };
}

function lower(key: string): string {
  return `${key.slice(0, 1).toLowerCase()}${key.slice(1)}`;
}
