/** The request contracts, by the names that the configuration and facts have for them. */
import type { ContractName } from "../../../config/config.ts";
import { cgiContract } from "./cgi-contract.ts";
import { commandContract } from "./command-contract.ts";
import type { RequestContract } from "./contract.ts";
import { gojinnContract } from "./gojinn-contract.ts";

export const CONTRACTS: Readonly<Record<ContractName, RequestContract>> = {
  gojinn: gojinnContract,
  cgi: cgiContract,
  command: commandContract,
};
