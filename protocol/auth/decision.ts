/**
 * What a policy decides on an attempt to authenticate, and what comes of it.
 *
 * @module
 */

import type { Permissions } from "../../keys/permissions.ts";
import type { SecurityKeyDetails } from "../../keys/security_key.ts";

/**
 * What a policy decides: yes; no; yes, but only for what is permitted; yes, but one of these
 * methods has to follow; or that the password has to be changed first, with what is said to the
 * user.
 *
 * Where several methods are accepted one after the other, all their permissions hold.
 */
export type AuthDecision =
  | boolean
  | { readonly permissions: Permissions }
  | {
    readonly partial: readonly string[];
    /** What the login may do in the end; anything, unless given. */
    readonly permissions?: Permissions | undefined;
  }
  | { readonly changePassword: string };

/** A decision that is not a no. */
export type AuthConsent = Exclude<AuthDecision, false>;

/**
 * The permissions that a decision gives.
 *
 * @throws {TypeError} If it is no decision.
 */
export function permissionsOf(decision: AuthConsent): Permissions {
  if (decision === true) return {};
  if (typeof decision === "object" && decision !== null) {
    if ("permissions" in decision && decision.permissions instanceof Object) {
      return decision.permissions;
    }
    if ("partial" in decision && Array.isArray(decision.partial)) return {};
    if ("changePassword" in decision) return {};
  }
  throw new TypeError("Cannot authenticate: the policy has decided on nothing");
}

/** Whether a security key has said of its signature what the permissions demand. */
export function saysEnough(
  details: SecurityKeyDetails,
  { touchRequired = true, verifyRequired = false }: Permissions,
): boolean {
  return (details.userPresent || !touchRequired) && (details.userVerified || !verifyRequired);
}
