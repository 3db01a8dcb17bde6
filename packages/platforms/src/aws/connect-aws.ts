import type { AwsCalls } from './aws-calls.ts';
import type { AwsConnection } from './sdk/connect.ts';

/** Connects to an account. The SDK is loaded only now: who runs nothing in AWS does not wait for it. */
export async function connectAws(connection: AwsConnection): Promise<AwsCalls & { close(): void }> {
  const { sdkCalls } = await import('./sdk/connect.ts');
  return sdkCalls(connection);
}
