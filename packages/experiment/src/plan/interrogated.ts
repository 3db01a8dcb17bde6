import type { Deployment, Plan } from '@haldane/core';

/** What was interrogated for a plan and what it said, a line each. */
export function interrogated(deployment: Deployment): Plan['interrogated'] {
  return [
    {
      what: `pipeline ${deployment.pipeline}`,
      said: `${deployment.service} (${deployment.environment}) is live at ${deployment.revision}`,
    },
    ...releaseWords(deployment),
    ...commitWords(deployment),
    {
      what: 'owner',
      said: `${deployment.owner.team}, ${deployment.owner.contact}; opted in to ${deployment.optIn.join(', ') || 'nothing'}`,
    },
    { what: `platform ${deployment.platform}`, said: `${deployment.instances} production instances behind route ${deployment.route}` },
    {
      what: 'dependencies',
      said: deployment.dependencies.map((one) => `${one.name} (${one.as}, ${one.env})`).join(', ') || 'none declared',
    },
    {
      what: 'intake besides the route',
      said: deployment.intakeDeclared
        ? deployment.intake.map((one) => `${one.name} (${one.kind}), turned off in the arms`).join(', ') || 'none, as declared'
        : 'not declared',
    },
  ];
}

function releaseWords({ pipeline, release }: Deployment): Plan['interrogated'] {
  if (release === undefined) return [];
  const { revision, artifact, since, said } = release;
  const words = [revision, ...(artifact === null ? [] : [artifact]), ...(since === null ? [] : [`since ${new Date(since).toISOString()}`])];
  return [{ what: `release by ${pipeline}`, said: words.join(', ') }, ...said];
}

/** By which name the gate knows what runs, where that is not the platform's own. */
function commitWords({ platform, revision, commit, release }: Deployment): Plan['interrogated'] {
  if (commit === revision || (commit === undefined && release === undefined)) return [];
  const unknown = `platform ${platform} does not say of which commit ${revision} is, or says another than the pipeline: the gate knows it as ${revision} only`;
  return [{ what: 'commit', said: commit ?? unknown }];
}
