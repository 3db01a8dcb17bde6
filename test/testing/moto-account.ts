import { systemClock, type TwinOf } from '@haldane/core';
import { lookAt, type MotoServer, type ServiceStand, sdkStand, startMoto } from '@haldane/platforms/aws-testing';
import { t as file } from 'tap';
import { type AwsScene, setScene } from './aws-life.ts';
import { type HinderingProxy, hinderingProxy } from './hindering-proxy.ts';
import { partOf } from './sample.ts';

/** How a client finds an account that moto's server plays. */
export const motoConnection = { region: 'eu-west-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };

export type MotoAccount = {
  readonly server: MotoServer;
  readonly proxy: HinderingProxy;
  /** One life of a run at a service that has this beside its instances. */
  live<T>(act: (scene: AwsScene) => Promise<T>, beside?: TwinOf): Promise<T>;
  /** Empties it. */
  forget(): Promise<void>;
};

/** What moto keeps of what has ended makes each look slower than the one before: after so many lives it forgets the account. */
const mostLives = 12;

/** An account of its own for lives of runs, one after the other, until the file ends. */
export async function openAccount(program: string, options: { readonly policies?: boolean } = {}): Promise<MotoAccount> {
  const server = await startMoto(program, options);
  // `after` would never be called while the server still runs, and the file never end.
  file.teardown(() => server.stop());
  const proxy = await hinderingProxy(server);
  file.teardown(() => proxy.close());
  let service: { readonly stand: ServiceStand; readonly of: TwinOf; readonly look: string } | null = null;
  file.teardown(() => service?.stand.close?.());

  let services = 0;
  let livesHere = mostLives;
  const newService = async (of: TwinOf) => {
    service?.stand.close?.();
    // A region holds five trails, of which each service keeps one.
    if (livesHere >= mostLives || of === 'trail') {
      await server.reset();
      livesHere = 0;
    }
    const stand = await sdkStand(`m${(services++).toString(36)}x`, { ...motoConnection, endpoint: proxy.url, tries: 1 }, { beside: [of] });
    return { stand, of, look: JSON.stringify(await lookAt(stand)) };
  };
  /** The service that the last run left, where it left all as it was; a run in it has an id of its own. */
  const nextScene = async (of: TwinOf): Promise<AwsScene> => {
    if (service === null || service.of !== of || livesHere >= mostLives) service = await newService(of);
    livesHere += 1;
    const scene = await setScene({ ...service.stand, runId: `${service.stand.mark}r${livesHere.toString(36)}` }, systemClock);
    if (JSON.stringify(scene.before) === service.look) return scene;
    service = await newService(of);
    return nextScene(of);
  };
  return {
    server,
    proxy,
    async live(act, beside = 'firewall') {
      proxy.passOn();
      return act(await nextScene(beside));
    },
    async forget() {
      service?.stand.close?.();
      service = null;
      livesHere = mostLives;
      await server.reset();
    },
  };
}

/** One life a case, of the part that is asked for, in as many accounts at a time as there are. */
export async function lives<C>(
  accounts: readonly MotoAccount[],
  cases: readonly C[],
  act: (one: C, scene: AwsScene, account: MotoAccount) => Promise<void>,
  beside?: TwinOf,
): Promise<void> {
  const left = [...partOf(cases)];
  await Promise.all(
    accounts.map(async (account) => {
      for (let one = left.shift(); one !== undefined; one = left.shift()) {
        const each = one;
        await account.live((scene) => act(each, scene, account), beside);
      }
    }),
  );
}
