import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { oneCaller } from './one-caller.ts';

/** Writes the files of the tiny service as it runs in an account, under the mark of its stand, and of an experiment on it; the experiment's. */
export async function writeDeployed(
  folder: string,
  mark: string,
  {
    optIn = 'jwt-forged-alg',
    scenario = '{ id: jwt-forged-alg }',
    more = '',
    traffic = 'metrics: none\nexposure: synthetic\nshare: 5%\nwatch: 8s',
  }: { readonly optIn?: string; readonly scenario?: string; readonly more?: string; readonly traffic?: string } = {},
): Promise<string> {
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, 'service.yaml'),
    `service: tiny
environment: test
owner: { team: tests, contact: nobody }
platform: aws
optIn: [${optIn}]
deployed: { cluster: ${mark}-production, route: "${mark}-alb:80" }
intake: []
${oneCaller('me')}${more}`,
  );
  const experiment = join(folder, 'experiment.yaml');
  await writeFile(
    experiment,
    `name: forged-in-aws
service: service.yaml
platform: aws
${traffic}
instances: 2
scenario: ${scenario}
baseline: 5s
probes: { legitimate: 5/s, hostile: 20/s, clean: 59 }
budget: { failures: 5 }
`,
  );
  return experiment;
}
