// Whether what is drawn is in a panel that fills the screen.

import { getContext, setContext } from "svelte";

const KEY = Symbol("full");

/** Tells what is within a panel. */
export const tellFull = (isFull: () => boolean): void => void setContext(KEY, isFull);

/** What the panel tells; outside of one nothing fills the screen. */
export const hearFull = (): (() => boolean) => getContext<(() => boolean) | undefined>(KEY) ?? (() => false);
