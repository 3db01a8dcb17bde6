import type { DeploymentPipeline, ServiceRef } from '@haldane/core';
import { type ContractTest, codeOf } from './contract-test.ts';

/** A pipeline of an empty world, and how a contract makes things happen in it. */
export type PipelineUnderTest = {
  readonly pipeline: DeploymentPipeline;
  readonly service: ServiceRef;
  /** Deploys this revision (40 hexadecimal digits), to the end. */
  deploy(revision: string): Promise<void>;
  /** Begins a deploy and returns how it ends. Null where the system knows only what is, and never that something is under way. */
  readonly begin: ((revision: string) => Promise<() => Promise<void>>) | null;
  /** Makes it unable to answer; returns how it recovers. */
  silence(): Promise<() => Promise<void>>;
  /** Text that must be in no answer and no error. */
  readonly secret: string;
  close(): Promise<void>;
};

const first = 'a'.repeat(40);
const second = 'b'.repeat(40);
const unheard = { service: 'unheard-of', environment: 'test' };

/** What every DeploymentPipeline does. */
export async function deploymentPipelineContract(t: ContractTest, name: string, make: () => Promise<PipelineUnderTest>): Promise<void> {
  const whole = () => AbortSignal.timeout(100_000);
  const subtest = (title: string, body: (t: ContractTest, given: PipelineUnderTest) => Promise<void>) =>
    t.test(`${name}: ${title}`, async (inner: ContractTest) => {
      const given = await make();
      try {
        await body(inner, given);
      } finally {
        await given.close();
      }
    });

  await subtest('says what is live, the same as often as it is asked, and the next revision when that is deployed', async (s, given) => {
    const ask = () => given.pipeline.interrogate(given.service, whole());
    await given.deploy(first);
    const said = await ask();
    s.same([said.service, said.environment], [given.service.service, given.service.environment]);
    s.same([said.revision, said.deployInProgress], [first, false]);
    s.same(await ask(), said);
    await given.deploy(second);
    s.same([(await ask()).revision, (await ask()).deployInProgress], [second, false]);
    s.ok(!JSON.stringify(await ask()).includes(given.secret), 'no secret is in what may be stored');
  });

  await subtest('says that a deploy is in progress, and which, until it is over', async (s, given) => {
    await given.deploy(first);
    const ask = () => given.pipeline.interrogate(given.service, whole());
    if (given.begin === null) return void s.equal((await ask()).deployInProgress, false, 'this one never knows');
    const end = await given.begin(second);
    const during = await ask();
    s.equal(during.deployInProgress, true);
    s.ok((during.release?.deploying.length ?? 0) > 0, 'by its name');
    await end();
    const after = await ask();
    s.same([after.revision, after.deployInProgress, after.release?.deploying], [second, false, []]);
  });

  await subtest('never answers what it cannot learn', async (s, given) => {
    await given.deploy(first);
    s.equal(await codeOf(given.pipeline.interrogate(unheard, whole())), 'not-found');
    const recover = await given.silence();
    const refused: unknown = await given.pipeline.interrogate(given.service, whole()).catch((error: unknown) => error);
    s.ok(['unavailable', 'not-found', 'denied'].includes(String((refused as { code?: unknown }).code)), String(refused));
    s.ok(!`${String(refused)} ${JSON.stringify(refused)}`.includes(given.secret), 'no secret is in the error');
    await recover();
    s.equal((await given.pipeline.interrogate(given.service, whole())).revision, first);
    const aborted = AbortSignal.abort(new Error('nobody waits'));
    s.ok((await codeOf(given.pipeline.interrogate(given.service, aborted))) !== 'resolved', 'nor when nobody waits for it');
  });
}
