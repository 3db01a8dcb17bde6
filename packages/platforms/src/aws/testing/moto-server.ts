import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiCall } from './api-call.ts';
import { type Act, type Answer, type Before, standingBefore } from './standing-before.ts';

export type MotoServer = {
  readonly url: string;
  /** Somebody stands before it, too: at another address, and without a second way for each call. */
  withBefore(act: Act): Promise<Before>;
  /** Forgets every account. */
  reset(): Promise<void>;
  stop(): Promise<void>;
};

/**
 * Starts moto's server, which plays AWS over HTTP, on a free port of this machine; `program` is its `moto_server`. Before it stands what it leaves out:
 * moto forgets the tags that a bucket is made with, and has no instance refreshes. With `policies` it knows those of AWS's own (AWSDenyAll), which takes
 * it a second to read, and again after each reset. It knows no image of AWS's own, which would take it as long, and takes any image's id.
 */
export async function startMoto(program: string, { policies = false } = {}): Promise<MotoServer> {
  const port = await freePort();
  const child: ChildProcess = spawn(program, ['-H', '127.0.0.1', '-p', `${port}`], {
    stdio: 'ignore',
    env: { ...process.env, MOTO_IAM_LOAD_MANAGED_POLICIES: `${policies}`, MOTO_EC2_LOAD_DEFAULT_AMIS: 'false' },
  });
  const failed = once(child, 'error').then(([error]) => Promise.reject(error as Error));
  failed.catch(() => undefined);
  const itself = `http://127.0.0.1:${port}`;
  const ready = async () => {
    for (let tries = 0; tries < 600; tries += 1) {
      if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode} before it answered`);
      const answered = await fetch(`${itself}/moto-api/data.json`).then(
        (response) => response.ok,
        () => false,
      );
      if (answered) return policies ? readPolicies(itself) : undefined;
      await sleep(100);
    }
    throw new Error(`${program} did not answer within a minute`);
  };
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  };
  try {
    await Promise.race([ready(), failed]);
  } catch (error) {
    await stop();
    throw error;
  }
  const { url, close } = await standingBefore(itself, fillIn);
  const reset = async () => {
    const { ok, status } = await fetch(`${itself}/moto-api/reset`, { method: 'POST' });
    if (!ok) throw new Error(`${program} did not forget its accounts: ${status}`);
    if (policies) await readPolicies(itself);
  };
  return {
    url,
    withBefore: (act) => standingBefore(itself, (call, pass) => act(call, (changed) => fillIn({ ...call, ...changed }, pass, changed))),
    reset,
    async stop() {
      await close();
      await stop();
    },
  };
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Waits until they are read: a call of the SDK's would not. */
async function readPolicies(moto: string): Promise<void> {
  const authorization = 'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0';
  await fetch(moto, {
    method: 'POST',
    headers: { authorization },
    body: new URLSearchParams({ Action: 'ListPolicies', MaxItems: '1', Version: '2010-05-08' }),
  });
}

/** What AWS answers when a group has no refreshes (a recorded answer, not moto's). */
const noRefreshes =
  '<DescribeInstanceRefreshesResponse xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/"><DescribeInstanceRefreshesResult><InstanceRefreshes/></DescribeInstanceRefreshesResult></DescribeInstanceRefreshesResponse>';

/** What moto answers, and what it leaves out; `changed`: what is passed on is not what was asked. */
async function fillIn(call: ApiCall, pass: (changed?: Partial<ApiCall>) => Promise<Answer>, changed?: Partial<ApiCall>): Promise<Answer> {
  const { name, asked, body } = call;
  if (name === 'DescribeInstanceRefreshes') return { status: 200, headers: { 'content-type': 'text/xml' }, body: Buffer.from(noRefreshes) };
  const answer = await pass(changed);
  const tags = name === 'CreateBucket' && answer.status === 200 ? /<Tags>(.*)<\/Tags>/s.exec(body.toString())?.[1] : undefined;
  if (tags !== undefined)
    await pass({
      method: 'PUT',
      path: `/${String(asked['bucketName'])}?tagging`,
      body: Buffer.from(`<Tagging><TagSet>${tags}</TagSet></Tagging>`),
    });
  return answer;
}
