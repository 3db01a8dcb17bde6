import { randomUUID } from 'node:crypto';
import { Pool } from 'pg';

export type NewPayment = {
  /** Minor units, whole. */
  readonly amount: number;
  readonly currency: string;
  readonly to: string;
  readonly reference?: string;
  readonly payer?: { readonly name: string; readonly card: string };
};

export type Payment = { readonly id: string; readonly amount: number; readonly currency: string; readonly to: string; readonly at: string };
export type Account = { readonly account: string; readonly balance: number; readonly payments: number };

/** Where payments are kept. */
export interface PaymentBook {
  pay(account: string, payment: NewPayment): Promise<Payment>;
  account(account: string): Promise<Account>;
  /** The newest first. */
  recent(account: string, limit: number): Promise<readonly Payment[]>;
  close(): Promise<void>;
}

const schema = `
  create table if not exists accounts (account text primary key, balance bigint not null default 0, payments bigint not null default 0);
  create table if not exists payments (
    id uuid primary key, account text not null, amount bigint not null, currency text not null, payee text not null,
    reference text, payer_name text, card_last4 text, at timestamptz not null default now());
  create index if not exists payments_of_account on payments (account, at desc);`;

export type BookOptions = {
  readonly url: string;
  readonly connections: number;
  /** Whether to make the tables when they are not there. Instances that start together wait for each other. */
  readonly makesTables: boolean;
};

/** Opens the book on PostgreSQL; throws when the database does not answer. */
export async function openPaymentBook(options: BookOptions): Promise<PaymentBook> {
  const pool = new Pool({
    connectionString: options.url,
    max: options.connections,
    // Beyond what a machine with two processors and everything on it is slow by: that must not look like a broken service.
    connectionTimeoutMillis: 10_000,
    statement_timeout: 10_000,
  });
  // An idle connection that breaks is replaced at its next use; unheard, this event would end the process.
  pool.on('error', () => undefined);
  await pool.query(options.makesTables ? `begin; select pg_advisory_xact_lock(20110); ${schema} commit;` : 'select 1');
  return {
    async pay(account, { amount, currency, to, reference, payer }) {
      const id = randomUUID();
      const { rows } = await pool.query<{ at: Date }>({
        name: 'pay',
        text: `with entry as (insert into payments (id, account, amount, currency, payee, reference, payer_name, card_last4)
                        values ($1, $2, $3, $4, $5, $6, $7, $8) returning at),
              owner as (insert into accounts (account, balance, payments) values ($2, -$3::bigint, 1)
                        on conflict (account) do update set balance = accounts.balance - $3::bigint, payments = accounts.payments + 1)
         select at from entry`,
        values: [id, account, amount, currency, to, reference ?? null, payer?.name ?? null, payer?.card.slice(-4) ?? null],
      });
      return { id, amount, currency, to, at: (rows[0]?.at ?? new Date()).toISOString() };
    },
    async account(account) {
      const { rows } = await pool.query<{ balance: string; payments: string }>({
        name: 'account',
        text: 'select balance, payments from accounts where account = $1',
        values: [account],
      });
      return { account, balance: Number(rows[0]?.balance ?? 0), payments: Number(rows[0]?.payments ?? 0) };
    },
    async recent(account, limit) {
      const { rows } = await pool.query<{ id: string; amount: string; currency: string; payee: string; at: Date }>({
        name: 'recent',
        text: 'select id, amount, currency, payee, at from payments where account = $1 order by at desc limit $2',
        values: [account, limit],
      });
      return rows.map((row) => ({
        id: row.id,
        amount: Number(row.amount),
        currency: row.currency,
        to: row.payee,
        at: row.at.toISOString(),
      }));
    },
    close: () => pool.end(),
  };
}
