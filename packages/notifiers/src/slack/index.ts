import { type Clock, cutTo, type Notice, type Notifier } from '@haldane/core';
import type { Egress } from '@haldane/egress';
import { accepted } from '../accepted.ts';
import { buttonsOf } from './buttons.ts';

type Options = {
  /** The address of an incoming webhook: who knows it can post, so it is a secret. */
  readonly url: string;
  /** Whether what can be done about it is offered as buttons: the webhook must then be that of an app that calls Haldane back. */
  readonly buttons: boolean;
  readonly egress: Egress;
  readonly clock: Clock;
};

/** Slack's own bounds for a text and a header. */
const mostOfText = 3_000;
const mostOfHeader = 150;

const marks: Readonly<Record<Notice['topic'], string>> = {
  started: '▶',
  stopped: '■',
  verdict: '⚖',
  stuck: '‼',
  restored: '✔',
  'approval-asked': '?',
  'gate-blocked': '⛔',
  'break-glass': '⚠',
  'came-in': '↳',
  'rights-changed': '?',
  'rights-taken-back': '↶',
};

/** A channel of Slack, by an incoming webhook. */
export function slackNotifier({ url, buttons, egress, clock }: Options): Notifier {
  return {
    async deliver({ notice }, signal) {
      const body = JSON.stringify(slackMessage(notice, buttons));
      const headers = { 'content-type': 'application/json; charset=utf-8', 'user-agent': 'haldane' };
      accepted(await egress.send({ method: 'POST', url, headers, body }, signal), clock.now());
    },
  };
}

/**
 * The notice as Slack shows it. Words from outside stand in `plain_text`, which Slack does not read as markup; the few in `mrkdwn` are escaped, so
 * that none of them mentions a channel or makes a link.
 */
function slackMessage(notice: Notice, buttons: boolean) {
  const { topic, headline, lines, link, commands } = notice;
  const more = [
    ...(link === null ? [] : [`<${escaped(link)}|Report>`]),
    ...commands.map(({ does, command }) => `${escaped(does)}: \`${escaped(command).replaceAll('`', "'")}\``),
  ];
  const elements = buttons ? buttonsOf(notice) : [];
  return {
    // What a notification shows, and programs that read aloud.
    text: escaped(cut(headline, mostOfText / 2)),
    mrkdwn: false,
    blocks: [
      { type: 'header', text: plain(cut(`${marks[topic]} ${headline}`, mostOfHeader)) },
      // The header is cut, the sentence is not.
      ...[headline.length + 2 > mostOfHeader ? [headline] : [], lines]
        .flat()
        .slice(0, 20)
        .map((line) => ({ type: 'section', text: plain(cut(line, mostOfText)) })),
      ...(elements.length === 0 ? [] : [{ type: 'actions', elements }]),
      ...(more.length === 0
        ? []
        : [
            {
              type: 'context',
              elements: more.slice(0, 10).map((text) => ({ type: 'mrkdwn', text: cut(text, mostOfText), verbatim: true })),
            },
          ]),
    ],
  };
}

function plain(text: string) {
  return { type: 'plain_text', text: text === '' ? ' ' : text, emoji: false };
}

/** Slack's three: what could begin a mention, a link or an entity. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function cut(text: string, most: number): string {
  return cutTo(text.replace(/\p{Cc}+/gu, ' '), most);
}
