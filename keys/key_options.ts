/**
 * The options that stand in front of an authorized key: `sshd(8)`, "AUTHORIZED_KEYS FILE FORMAT".
 *
 * @module
 */

import { KeyFormatError, printable } from "../wire/errors.ts";
import { whyNoFromList } from "./_from.ts";
import { formatKeyTime, parseKeyTime } from "./_key_time.ts";
import { quoteOptionValue, splitOptionList } from "./_option_list.ts";
import { formatForwardTarget, type ForwardTarget, parseForwardTarget } from "./forward_target.ts";

/** What a key may be used for, and under which conditions. */
export interface KeyOptions {
  /**
   * From where: addresses, networks such as `192.0.2.0/24`, and patterns of names or addresses, with
   * commas between them; one with `!` rules out what it matches. From everywhere, unless given.
   */
  readonly from?: string | undefined;
  /** What runs in the place of whatever the client asks for. */
  readonly command?: string | undefined;
  /** Variables of the environment. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
  /** After which the key is not accepted. */
  readonly expiryTime?: Date | undefined;
  /** Whether the key is an authority's: not the key itself lets in, but its certificates do. */
  readonly certAuthority?: boolean | undefined;
  /** With `certAuthority`: of these, one has to be in a certificate. The user's name, unless given. */
  readonly principals?: readonly string[] | undefined;
  /** Whether nothing is allowed that is not allowed by one of the rights below. */
  readonly restrict?: boolean | undefined;
  /** Whether there may be a terminal; unless given, if it is not restricted. */
  readonly pty?: boolean | undefined;
  /** Whether ports may be forwarded, either way; likewise. */
  readonly portForwarding?: boolean | undefined;
  /** Whether an agent may be forwarded; likewise. */
  readonly agentForwarding?: boolean | undefined;
  /** Whether X11 may be forwarded; likewise. */
  readonly x11Forwarding?: boolean | undefined;
  /** Whether `~/.ssh/rc` may run; likewise. */
  readonly userRc?: boolean | undefined;
  /** Where to ports may be forwarded: to wherever the client likes, unless given. */
  readonly permitOpen?: readonly ForwardTarget[] | undefined;
  /** Where the client may have the server listen: wherever it likes, unless given. */
  readonly permitListen?: readonly ForwardTarget[] | undefined;
  /** The number of the tun device that a tunnel gets, or `any`: see `Permissions`. */
  readonly tunnel?: string | undefined;
  /** Whether a security key has to be touched: yes, unless given. */
  readonly touchRequired?: boolean | undefined;
  /** Whether a security key has to verify its user, by a PIN or the like: no, unless given. */
  readonly verifyRequired?: boolean | undefined;
}

/** Options while they are read. */
type Draft = { -readonly [Name in keyof KeyOptions]: KeyOptions[Name] };

/** The rights that `restrict` takes, by their names in the file. */
const RIGHTS = {
  "agent-forwarding": "agentForwarding",
  "port-forwarding": "portForwarding",
  "pty": "pty",
  "user-rc": "userRc",
  "x11-forwarding": "x11Forwarding",
} as const;

/** Options that can be taken back with `no-`, each with what it is unless given. */
const REQUIREMENTS = {
  "touch-required": ["touchRequired", true],
  "verify-required": ["verifyRequired", false],
} as const;

const VARIABLE = /^([A-Za-z0-9_]+)=([^]*)$/;
const MAX_ITEMS = 1024;
/** The numbers above it have meanings of their own in OpenSSH. */
const MAX_DEVICE = 0x7ffffffd;

/**
 * Reads the options.
 *
 * @param text What stands in front of the key, without white space around it.
 * @throws {KeyFormatError} If an option is not known, is there twice, or has a value that it cannot
 * have: the key is not to be used then.
 */
export function parseKeyOptions(text: string): KeyOptions {
  const draft: Draft = {};
  const environment = new Map<string, string>();
  for (const { name, value } of splitOptionList(text, optionError)) {
    if (value === null) readFlag(draft, name);
    else if (name === "environment") readVariable(environment, value);
    else readValue(draft, name, value);
  }
  return environment.size === 0
    ? draft
    : { ...draft, environment: Object.fromEntries(environment) };
}

/**
 * Writes the options as they stand in front of a key; nothing, if there are none.
 *
 * @throws {RangeError} If a value cannot be written.
 */
export function formatKeyOptions(options: KeyOptions): string {
  const words: string[] = [];
  const valued = (name: string, value: string | undefined): void => {
    if (value !== undefined) {
      words.push(`${name}=${quoteOptionValue(value, (why) => unwritable(name, why))}`);
    }
  };
  if (options.certAuthority) words.push("cert-authority");
  if (options.restrict) words.push("restrict");
  for (const [name, right] of Object.entries(RIGHTS)) {
    // In the spelling of the manual; case does not count.
    const shown = name.replace("x11", "X11");
    if (options.restrict && options[right] === true) words.push(shown);
    if (!options.restrict && options[right] === false) words.push(`no-${shown}`);
  }
  if (options.touchRequired === false) words.push("no-touch-required");
  if (options.verifyRequired === true) words.push("verify-required");
  valued("from", checkedFrom(options.from));
  valued("principals", options.principals && joined("principals", options.principals));
  valued("expiry-time", options.expiryTime && formatKeyTime(options.expiryTime));
  for (const [name, value] of Object.entries(options.environment ?? {})) {
    if (!VARIABLE.test(`${name}=`)) {
      throw unwritable("environment", `${JSON.stringify(name)} is not the name of a variable`);
    }
    valued("environment", `${name}=${value}`);
  }
  for (const target of options.permitOpen ?? []) valued("permitopen", formatForwardTarget(target));
  for (const target of options.permitListen ?? []) {
    valued("permitlisten", formatForwardTarget(target));
  }
  valued("tunnel", checkedDevice(options.tunnel));
  valued("command", options.command);
  return words.join(",");
}

/**
 * Splits a line into its options and what follows them: the first white space that is not quoted
 * ends them.
 *
 * @returns Null if a quote is not closed.
 */
export function takeKeyOptions(line: string): { options: string; rest: string } | null {
  let quoted = false;
  let end = 0;
  for (; end < line.length; end++) {
    const character = line[end];
    if (!quoted && (character === " " || character === "\t")) break;
    if (character === "\\" && line[end + 1] === '"') end++;
    else if (character === '"') quoted = !quoted;
  }
  if (quoted) return null;
  return { options: line.slice(0, end), rest: line.slice(end).replace(/^[ \t]+/, "") };
}

function readFlag(draft: Draft, name: string): void {
  if (name === "cert-authority") {
    draft.certAuthority = true;
    return;
  }
  if (name === "restrict") {
    draft.restrict = true;
    for (const right of Object.values(RIGHTS)) delete draft[right];
    return;
  }
  const isNo = name.startsWith("no-");
  const what = isNo ? name.slice(3) : name;
  if (Object.hasOwn(RIGHTS, what)) {
    const right = RIGHTS[what as keyof typeof RIGHTS];
    // What goes without saying is not said, so that equal options are equal.
    if (isNo === (draft.restrict === true)) delete draft[right];
    else draft[right] = !isNo;
    return;
  }
  if (!Object.hasOwn(REQUIREMENTS, what)) {
    throw optionError(`${printable(name, 80)} is not known, or has to have a value`);
  }
  const [requirement, usual] = REQUIREMENTS[what as keyof typeof REQUIREMENTS];
  if (isNo !== usual) delete draft[requirement];
  else draft[requirement] = !usual;
}

function readValue(draft: Draft, name: string, value: string): void {
  const once = (given: unknown): void => {
    if (given !== undefined) throw optionError(`${name} is there twice`);
  };
  switch (name) {
    case "command":
      once(draft.command);
      draft.command = value;
      return;
    case "principals":
      once(draft.principals);
      draft.principals = value.split(",").filter((principal) => principal !== "");
      return;
    case "from": {
      once(draft.from);
      const why = whyNoFromList(value);
      if (why !== null) throw optionError(`from: ${why}`);
      draft.from = value;
      return;
    }
    case "tunnel":
      draft.tunnel = readDevice(value);
      if (draft.tunnel === undefined) throw optionError("tunnel is not a number of a device");
      return;
    case "expiry-time": {
      const time = parseKeyTime(value);
      if (time === null) throw optionError(`expiry-time ${printable(value, 40)} is not a time`);
      // Of several the first to come counts.
      if (draft.expiryTime === undefined || time < draft.expiryTime) draft.expiryTime = time;
      return;
    }
    case "permitopen":
      draft.permitOpen = withTarget(name, draft.permitOpen, parseForwardTarget(value));
      return;
    case "permitlisten":
      draft.permitListen = withTarget(
        name,
        draft.permitListen,
        parseForwardTarget(value, { barePort: true }),
      );
      return;
  }
  throw optionError(`${printable(name, 80)} is not known, or cannot have a value`);
}

/** The number of a tun device as it is written, or `any`; undefined if it is neither. */
function readDevice(value: string): string | undefined {
  if (/^any$/i.test(value)) return "any";
  const device = /^\d+$/.test(value) ? Number(value) : NaN;
  return device <= MAX_DEVICE ? `${device}` : undefined;
}

function readVariable(environment: Map<string, string>, text: string): void {
  const [, name, value] = VARIABLE.exec(text) ?? [];
  if (name === undefined || value === undefined || value.includes("\0")) {
    throw optionError("environment is not the name of a variable, = and a value");
  }
  // Of several values the first counts.
  if (environment.has(name)) return;
  if (environment.size === MAX_ITEMS) throw tooMany("environment");
  environment.set(name, value);
}

function withTarget(
  name: string,
  targets: readonly ForwardTarget[] = [],
  target: ForwardTarget | null,
): readonly ForwardTarget[] {
  if (target === null) throw optionError(`${name} is not a host and a port`);
  if (targets.length === MAX_ITEMS) throw tooMany(name);
  return [...targets, target];
}

function joined(name: string, values: readonly string[]): string {
  if (values.some((value) => value === "" || value.includes(","))) {
    throw unwritable(name, "one is empty, or has a comma in it");
  }
  return values.join(",");
}

function checkedFrom(list: string | undefined): string | undefined {
  const why = list === undefined ? null : whyNoFromList(list);
  if (why !== null) throw unwritable("from", why);
  return list;
}

function checkedDevice(device: string | undefined): string | undefined {
  if (device !== undefined && readDevice(device) !== device) {
    throw unwritable("tunnel", `${JSON.stringify(device)} is not a number of a device, nor any`);
  }
  return device;
}

function tooMany(name: string): KeyFormatError {
  return optionError(`${name} is there more than ${MAX_ITEMS} times`);
}

function optionError(why: string): KeyFormatError {
  return new KeyFormatError(`Cannot read key options: ${why}`);
}

function unwritable(name: string, why: string): RangeError {
  return new RangeError(`Cannot write key options: ${name}: ${why}`);
}
