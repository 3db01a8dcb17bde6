import type { Stores } from '../stores/memory-stores.ts';

/** What a contract needs of a test; tap's `t` is one. */
export interface ContractTest {
  // biome-ignore lint/suspicious/noExplicitAny: tap hands its own, wider, test to the body; bodies declare ContractTest
  test(name: string, body: (t: any) => Promise<void>): Promise<unknown>;
  equal(found: unknown, wanted: unknown, ...message: [] | [string]): boolean;
  same(found: unknown, wanted: unknown, ...message: [] | [string]): boolean;
  ok(value: unknown, ...message: [] | [string]): boolean;
}

/** Stores of one empty database, and how a contract makes time pass for them. */
export type StoresUnderTest = Stores & {
  /**
   * Makes the store believe that `ms` have passed: a memory store's clock is moved, a database may shift its stored lease
   * ends back by as much. Waiting that long in earnest is right too (at most a minute), only slow.
   */
  letPass(ms: number): Promise<void>;
  close(): Promise<void>;
};

export type MakeStores = () => Promise<StoresUnderTest>;

/** The code of the error that a promise rejects with; 'resolved' when it does not. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'resolved';
  } catch (error) {
    return String((error as { code?: unknown }).code ?? error);
  }
}

/** One subtest on an empty database of its own, which is closed afterwards. */
export async function storeTest(
  t: ContractTest,
  name: string,
  makeStores: MakeStores,
  body: (t: ContractTest, stores: StoresUnderTest) => Promise<void>,
): Promise<void> {
  await t.test(name, async (subtest: ContractTest) => {
    const stores = await makeStores();
    try {
      await body(subtest, stores);
    } finally {
      await stores.close();
    }
  });
}
