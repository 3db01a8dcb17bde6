import type { AwsCalls } from './aws-calls.ts';
import type { OpenSession } from './run-sessions.ts';
import type { AwsConnection } from './sdk/connect.ts';

export type AwsAccount = { readonly calls: AwsCalls; readonly sessions?: OpenSession; close(): void };

/**
 * Connects to an account. With a role, each run works in a session of its own under it. The SDK is loaded only now: who runs nothing in AWS
 * does not wait for it.
 */
export async function connectAws(connection: AwsConnection & { readonly role?: string }, signal: AbortSignal): Promise<AwsAccount> {
  const { role, ...plain } = connection;
  const { sdkCalls } = await import('./sdk/connect.ts');
  const calls = sdkCalls(plain);
  const close = () => calls.close();
  if (role === undefined) return { calls, close };
  const { sdkSessions } = await import('./sdk/open-session.ts');
  return { calls, sessions: await sdkSessions(plain, role, signal), close };
}
