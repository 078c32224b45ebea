/**
 * Files of `ssh_config(5)`. The first byte says who asks.
 *
 * @module
 */

import { concat, utf8 } from "../../helpers/bytes.ts";

const texts = [
  'Host db *.example !x\n  HostName %h.internal\n  User "a b"\n  Port 2222\nHost *\n  User x\n',
  'Match host h,db* user ada !exec "test %h = %p"\nCompression=yes\nMatch final all\nPort = 7\n',
  "CanonicalizeHostname yes\nCanonicalDomains a.example\nMatch canonical localuser me\nBatchMode on",
  "IdentityFile ~/.ssh/%h-%r-%C\nCertificateFile ${HOME}/%%\nUserKnownHostsFile /a '/b c' # d\n",
  "LocalForward 80 [::1]:90\nRemoteForward /a/b *:3\nDynamicForward a\\:b:1080\n",
  "ProxyJump a@b:3,ssh://[::1]:4\nProxyCommand nc %h %p # x\nRemoteCommand none\n",
  "Ciphers ^aes*\nMACs -*etm*\nKexAlgorithms +curve25519-sha256\nHostKeyAlgorithms ssh-ed25519,\n",
  "ConnectTimeout 1h30m\nRekeyLimit 1G 5m\nEscapeChar ^a\nLogLevel debug\nForwardAgent $SOCK\n",
  "IgnoreUnknown Use*,Foo\nUseKeychain yes\nTag x\nSendEnv LC_* -LC_ALL\nSetEnv A=1 B=\n",
  "Include conf.d/* ~/x\nInclude /etc/y\nMatch originalhost x\nInclude z\n",
];

/** Each of them, asked for in several ways. */
export const corpus: readonly Uint8Array[] = texts.flatMap((text) =>
  [0, 6, 9, 31].map((how) => concat([Uint8Array.of(how), utf8(text)]))
);
