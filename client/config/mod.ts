/**
 * The files that people have for `ssh`: `~/.ssh/config`.
 *
 * @module
 */

export * from "./auth_of.ts";
export { ConfigError, type ConfigPlace } from "./config_error.ts";
export * from "./connect_by.ts";
export * from "./connect_options.ts";
export * from "./context.ts";
export * from "./forwards.ts";
export * from "./jump_hosts.ts";
export * from "./known_hosts_of.ts";
export * from "./lines.ts";
export type { ConfigFiles, LoginAccess, LoginQuestions } from "./login_access.ts";
export * from "./options.ts";
export * from "./parse_ssh_config.ts";
