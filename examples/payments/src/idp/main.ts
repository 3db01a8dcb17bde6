import { text, whole } from '../process/environment.ts';
import { live } from '../process/life.ts';
import { type IdpClient, startIdentityProvider } from './identity-provider.ts';

// CLIENTS is a JSON list of {id, secret}: secrets come by environment, never by argument, where any local user could read them.
const idp = await startIdentityProvider({
  port: whole(process.env, 'PORT', 0),
  audience: text(process.env, 'AUDIENCE', 'urn:payments'),
  clients: JSON.parse(text(process.env, 'CLIENTS')) as IdpClient[],
});
live({ url: idp.url }, () => idp.close());
