import { HaldaneError, messageOf } from '@haldane/core';

/** The login that GitHub Actions signs for the job that this runs in, meant for `audience`. Throws `unauthorised` where a job may not ask for one. */
export async function jobLogin(audience: string, env: Readonly<Record<string, string | undefined>>): Promise<string> {
  const [url, token] = [env['ACTIONS_ID_TOKEN_REQUEST_URL'], env['ACTIONS_ID_TOKEN_REQUEST_TOKEN']];
  if (!url || !token)
    throw new HaldaneError(
      'unauthorised',
      'this is no job of GitHub Actions that may ask for a login: give it `permissions: id-token: write`; a pull request from a fork gets none, whatever it is given',
    );
  const address = new URL(url);
  address.searchParams.set('audience', audience);
  const options = { headers: { authorization: `Bearer ${token}` }, signal: AbortSignal.timeout(30_000) };
  const answer = await fetch(address, options).catch((cause: unknown) => {
    throw new HaldaneError('unavailable', `GitHub Actions does not answer when asked for a login: ${messageOf(cause)}`, { cause });
  });
  const { value } = (await answer.json().catch(() => ({}))) as { readonly value?: unknown };
  if (typeof value !== 'string') throw new HaldaneError('denied', `GitHub Actions gave no login (${answer.status})`);
  return value;
}
