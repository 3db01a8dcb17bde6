import type { Phase, RunEvent, StopReason } from '@haldane/core';

/** A run's life as its events alone tell it. */
export type Life = {
  readonly service: string;
  readonly environment: string;
  /** When each phase began, epoch ms; the last is where it is. */
  readonly phases: readonly { readonly phase: Phase; readonly at: number }[];
  readonly stop: { readonly reason: StopReason; readonly why: string } | null;
  /** Changes that were made, by what they did, in order. */
  readonly made: readonly string[];
  /** Whether everything is back; null while that is not known. */
  readonly clean: boolean | null;
  readonly verdict: string | null;
  readonly headline: string | null;
};

/** Reads a life from events in their order. Needs no other record of the run. */
export function lifeOf(events: readonly RunEvent[]): Life {
  return events.reduce<Life>(lived, {
    service: '',
    environment: '',
    phases: [],
    stop: null,
    made: [],
    clean: null,
    verdict: null,
    headline: null,
  });
}

function lived(life: Life, { type, at, data }: RunEvent): Life {
  switch (type) {
    case 'created':
      return { ...life, service: String(data['service']), environment: String(data['environment']), phases: [{ phase: 'planning', at }] };
    case 'phase':
      return { ...life, phases: [...life.phases, { phase: data['phase'] as Phase, at }] };
    case 'stop':
      return { ...life, stop: { reason: data['reason'] as StopReason, why: String(data['why']) } };
    case 'change':
      return data['made'] === true ? { ...life, made: [...life.made, String(data['does'])] } : life;
    case 'restored':
    case 'stuck':
      return { ...life, clean: data['clean'] === true };
    case 'verdict':
      return { ...life, verdict: String(data['verdict']), headline: String(data['headline']) };
    case 'block':
    case 'decision':
    case 'check':
    case 'accept':
    case 'alert':
    case 'note':
      return life;
  }
}

/** A life as lines for a terminal. */
export function lifeText(life: Life): string {
  const began = life.phases[0]?.at ?? 0;
  const seconds = (at: number) => `${((at - began) / 1000).toFixed(1).padStart(7)} s`;
  const lines = [
    `${life.service} in ${life.environment}`,
    ...life.phases.map(({ phase, at }) => `${seconds(at)}  ${phase}`),
    ...(life.made.length > 0 ? ['made:', ...life.made.map((does) => `  ${does}`)] : []),
    life.clean === null ? 'not put back yet' : life.clean ? 'everything is back' : 'NOT EVERYTHING IS BACK',
    ...(life.stop === null ? [] : [`stopped: ${life.stop.reason} (${life.stop.why})`]),
    life.verdict === null ? 'no verdict' : `${life.verdict}: ${life.headline}`,
  ];
  return `${lines.map((line) => line.replace(/\p{Cc}+/gu, ' ')).join('\n')}\n`;
}
