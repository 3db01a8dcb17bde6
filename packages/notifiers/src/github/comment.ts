import type { Notice } from '@haldane/core';

/** What our comment about this experiment on this service begins with; nobody sees it. */
export function markOf({ service, environment, experiment, topic }: Notice): string {
  return `<!-- haldane: ${[service, environment, experiment ?? topic].map(encodeURIComponent).join(' ').replaceAll('--', '%2D%2D')} -->`;
}

/** The notice as a comment. Words from outside make no markup and mention nobody. */
export function commentOf(notice: Notice): string {
  const { headline, lines, link, commands } = notice;
  return [
    markOf(notice),
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
