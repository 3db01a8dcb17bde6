import { createHmac } from 'node:crypto';
import type { Notice } from '@haldane/core';

type Place = { readonly repository: string; readonly pull: number; readonly token: string };

/**
 * What our comment about this experiment on this service begins with; nobody sees it. Keyed by the token and of one pull request, so that
 * nobody else can write it there before we do, and have us write into a comment of theirs.
 */
export function markOf({ service, environment, experiment, topic }: Notice, { repository, pull, token }: Place): string {
  const about = [service, environment, experiment ?? topic];
  const keyed = createHmac('sha256', token)
    .update(JSON.stringify(['haldane-comment', repository, pull, ...about]))
    .digest('hex');
  return `<!-- haldane: ${[...about.map(encodeURIComponent), keyed].join(' ').replaceAll('--', '%2D%2D')} -->`;
}

/** The notice as a comment under a mark. Words from outside make no markup and mention nobody. */
export function commentOf(notice: Notice, mark: string): string {
  const { headline, lines, link, commands } = notice;
  return [
    mark,
    `### ${plain(headline)}`,
    '',
    ...lines.map((line) => `- ${plain(line)}`),
    '',
    ...(link === null ? [] : [`[Report](${link})`, '']),
    ...commands.map(({ does, command }) => `${plain(does)}: \`${command.replace(/[`\p{Cc}]+/gu, ' ')}\``),
  ]
    .join('\n')
    .slice(0, 60_000);
}

function plain(text: string): string {
  return (
    text
      .replace(/\p{Cc}+/gu, ' ')
      .replace(/[\\`*_{}[\]<>#|~&]/g, (char) => `\\${char}`)
      // A mark of no width keeps names from being called and numbers from being linked.
      .replace(/@(?=[A-Za-z0-9])/g, '@\u200b')
  );
}
