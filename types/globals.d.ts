/**
 * What a function finds in its global scope beside the web's own names:
 * `"types": ["pilotlight/globals"]` in tsconfig.json. The web's come from
 * TypeScript's DOM library. What these do is in guest/jsx.ts.
 */

/** Makes an element; .tsx and .jsx files call it for each tag. */
declare function h(type: string | ((props: never) => unknown) | typeof Fragment, props: object | null, ...children: unknown[]): JSX.Element;

/** `<>…</>`: children without a tag. */
declare const Fragment: (props: { children?: unknown }) => JSX.Element;

/** HTML of an element or whatever may stand in one; text is escaped. */
declare function renderToString(node: unknown): string;

/** Of Node's process, what npm packages ask for. */
declare var process: { readonly env: Readonly<Record<string, string | undefined>> };

declare namespace JSX {
  interface Element {
    toString(): string;
  }
  interface ElementChildrenAttribute {
    children: unknown;
  }
  interface IntrinsicAttributes {
    key?: string | number;
  }
  /** Any tag with any attribute: HTML's own, and htmx's and others'. */
  interface IntrinsicElements {
    [tag: string]: Record<string, unknown>;
  }
}
