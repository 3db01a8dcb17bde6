import { createHmac } from 'node:crypto';
import { cutTo, type Notice } from '@haldane/core';
import { plain } from './plain.ts';

type Place = { readonly repository: string; readonly pull: number; readonly seal: string };

/**
 * What our comment about this experiment on this service begins with; nobody sees it. Keyed by the seal and of one pull request, so that
 * nobody else can write it there before we do, and have us write into a comment of theirs.
 */
export function markOf({ service, environment, experiment, topic }: Notice, { repository, pull, seal }: Place): string {
  const about = [service, environment, experiment ?? topic];
  const keyed = createHmac('sha256', seal)
    .update(JSON.stringify(['haldane-comment', repository, pull, ...about]))
    .digest('hex');
  return `<!-- haldane: ${[...about.map(encodeURIComponent), keyed].join(' ').replaceAll('--', '%2D%2D')} -->`;
}

/** The notice as a comment under a mark. Words from outside make no markup and mention nobody. */
export function commentOf(notice: Notice, mark: string): string {
  const { headline, lines, link, commands } = notice;
  const whole = [
    mark,
    `### ${plain(headline)}`,
    '',
    ...lines.map((line) => `- ${plain(line)}`),
    '',
    ...(link === null ? [] : [`[Report](${link})`, '']),
    ...commands.map(({ does, command }) => `${plain(does)}: \`${command.replace(/[`\p{Cc}]+/gu, ' ')}\``),
  ].join('\n');
  return cutTo(whole, 60_000);
}
