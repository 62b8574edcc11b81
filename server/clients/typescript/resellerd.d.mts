/** @typedef {import('./openapi.d.ts').components['schemas']} Schemas */
/** @typedef {{ status: number, headers: http.IncomingHttpHeaders, body: string }} Answer */
/** @typedef {Record<string, string | number | boolean | (string | number | boolean)[]>} Query */
/**
 * May the user do this? About an area if there is no id, else about a row.
 *
 * @typedef {object} Question
 * @property {string} action
 * @property {string} of an area such as cdr, or the type of a row such as customer
 * @property {string} [id] of the row
 * @property {Record<string, unknown>} [properties] of the row; of a row of the panel's own tables, account_id is its owner
 * @property {boolean} [panel] what the panel itself decided, for the report of disagreements
 */
/** resellerd refused a request: 404 is a row that does not exist for this user. */
export class Refused extends Error {
    /**
     * @param {number} status
     * @param {Partial<Schemas['Problem']>} document as RFC 9457 defines it
     */
    constructor(status: number, document: Partial<Schemas["Problem"]>);
    status: number;
    document: Partial<{
        decision_id?: string;
        detail?: string;
        errors?: import("./openapi.d.ts").components["schemas"]["FieldFault"][];
        field?: string;
        in_the_way?: import("./openapi.d.ts").components["schemas"]["RowInTheWay"];
        mapping?: import("./openapi.d.ts").components["schemas"]["ImportColumn"][];
        questions?: import("./openapi.d.ts").components["schemas"]["ImportQuestion"][];
        reasons?: string[];
        revisions?: import("./openapi.d.ts").components["schemas"]["ImportedRevision"][];
        status: number;
        title: string;
        type: "urn:resellerd:problem:bad_request" | "urn:resellerd:problem:unauthorized" | "urn:resellerd:problem:forbidden" | "urn:resellerd:problem:unknown_user" | "urn:resellerd:problem:not_found" | "urn:resellerd:problem:unknown_route" | "urn:resellerd:problem:method_not_allowed" | "urn:resellerd:problem:not_acceptable" | "urn:resellerd:problem:request_timeout" | "urn:resellerd:problem:conflict" | "urn:resellerd:problem:revision_lost" | "urn:resellerd:problem:precondition_failed" | "urn:resellerd:problem:content_too_large" | "urn:resellerd:problem:unsupported_media_type" | "urn:resellerd:problem:invalid" | "urn:resellerd:problem:too_many_requests" | "urn:resellerd:problem:headers_too_large" | "urn:resellerd:problem:internal" | "urn:resellerd:problem:unavailable";
    }>;
    /** The last part of the problem's type, such as not_found. */
    problem: string;
    /** Codes of the policy. */
    reasons: string[];
}
/** There is no answer. Show nothing then: never fall back to the panel's own data. */
export class Unavailable extends Error {
    /**
     * @param {string} message
     * @param {number} [retryAfter] seconds, if resellerd said when to try again
     * @param {unknown} [cause]
     */
    constructor(message: string, retryAfter?: number, cause?: unknown);
    retryAfter: number;
}
/** resellerd, as a panel calls it with its token. Connections are kept open. */
export class Client {
    /**
     * @param {string} url http://127.0.0.1:8080, or unix:/run/resellerd.sock
     * @param {string} token
     * @param {{ timeout?: number }} [options] timeout: milliseconds for a whole request
     */
    constructor(url: string, token: string, { timeout }?: {
        timeout?: number;
    });
    /**
     * The user who is signed in to the panel. Take the id from the panel's session, never
     * from a value that a browser sent.
     *
     * @param {string} user id, or the external id that the panel gave the user
     * @param {{ ip?: string, jwt?: string }} [from] the address that the user acts from; the user's own token
     */
    as(user: string, { ip, jwt }?: {
        ip?: string;
        jwt?: string;
    }): User;
    /**
     * Sends a request and answers whatever its status is.
     *
     * @param {string} method
     * @param {string} path with its query
     * @param {Record<string, string | undefined>} headers
     * @param {unknown} [body]
     * @returns {Promise<Answer>}
     * @throws {Unavailable} if there is no answer
     */
    send(method: string, path: string, headers: Record<string, string | undefined>, body?: unknown): Promise<Answer>;
    #private;
}
/** A user of the panel: what it may do, and the rows that it sees. A failure throws, and never allows. */
export class User {
    /** The most questions of one request. */
    static "__#private@#batch": number;
    /**
     * @param {Client} client
     * @param {string} id
     * @param {Record<string, string | undefined>} headers that name the user
     */
    constructor(client: Client, id: string, headers: Record<string, string | undefined>);
    id: string;
    /** @returns {Promise<Schemas['ActingUser']>} */
    me(): Promise<Schemas["ActingUser"]>;
    /**
     * Whether the user may do this in an area, or to a row if there is an id.
     *
     * @param {string} action
     * @param {string} of
     * @param {string} [id]
     * @param {Record<string, unknown>} [properties]
     */
    may(action: string, of: string, id?: string, properties?: Record<string, unknown>): Promise<any>;
    /**
     * The answers to many questions, in their order. One request asks up to 1,000.
     *
     * @param {Question[]} questions
     */
    mayEach(questions: Question[]): Promise<any[]>;
    /**
     * The areas that the user may read, of those that the menu has.
     *
     * @param {string[]} areas
     */
    menu(areas: string[]): Promise<string[]>;
    /**
     * Like mayEach, with the reasons of denials if they are asked for.
     *
     * @param {Question[]} questions
     * @param {{ reasons?: boolean }} [options]
     */
    decide(questions: Question[], { reasons }?: {
        reasons?: boolean;
    }): Promise<any[]>;
    /** @returns {Rows<Schemas['Account'], Schemas['AccountCreate'], Schemas['AccountUpdate']>} */
    accounts(): Rows<Schemas["Account"], Schemas["AccountCreate"], Schemas["AccountUpdate"]>;
    /** @returns {Rows<Schemas['Group'], Schemas['GroupCreate'], Schemas['GroupUpdate']>} */
    groups(): Rows<Schemas["Group"], Schemas["GroupCreate"], Schemas["GroupUpdate"]>;
    /** @returns {Rows<Schemas['User'], Schemas['UserCreate'], Schemas['UserUpdate']>} */
    users(): Rows<Schemas["User"], Schemas["UserCreate"], Schemas["UserUpdate"]>;
    /** @returns {Rows<Schemas['Customer'], Schemas['CustomerCreate'], Schemas['CustomerUpdate']>} */
    customers(): Rows<Schemas["Customer"], Schemas["CustomerCreate"], Schemas["CustomerUpdate"]>;
    /** @returns {Rows<Schemas['Card'], Schemas['CardCreate'], Schemas['CardUpdate']>} */
    cards(): Rows<Schemas["Card"], Schemas["CardCreate"], Schemas["CardUpdate"]>;
    /** @returns {Rows<Schemas['AuditEntry'], never, never>} */
    audit(): Rows<Schemas["AuditEntry"], never, never>;
    /**
     * The rates of a card: what they cost, or what they sell for, as the user sees the card.
     *
     * @param {string} card
     * @returns {Rows<Schemas['Rate'], never, never>}
     */
    rates(card: string): Rows<Schemas["Rate"], never, never>;
    /**
     * Sends any request of /v1 in the name of the user.
     *
     * @param {string} method
     * @param {string} path
     * @param {unknown} [body]
     * @param {Record<string, string>} [headers]
     */
    request(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
    #private;
}
/**
 * The rows of one collection, as one user sees them. Each has an etag: the version that the user saw.
 *
 * @template Row, New, Change
 */
export class Rows<Row, New, Change> {
    /**
     * @param {User} user
     * @param {string} path
     */
    constructor(user: User, path: string);
    /**
     * @param {Query} [query] such as { status: 'active', sort: '-name', count: true }
     * @returns {Promise<{ items: Row[], next?: string, prev?: string, total?: number }>}
     */
    list(query?: Query): Promise<{
        items: Row[];
        next?: string;
        prev?: string;
        total?: number;
    }>;
    /**
     * The rows of all pages.
     *
     * @param {Query} [query]
     * @returns {AsyncGenerator<Row>}
     */
    each(query?: Query): AsyncGenerator<Row>;
    /**
     * @param {string} id
     * @returns {Promise<Row & { etag?: string }>}
     */
    get(id: string): Promise<Row & {
        etag?: string;
    }>;
    /**
     * @param {New} fields
     * @param {string} [key] repeats the request safely: resellerd writes once for each key
     * @returns {Promise<Row & { etag?: string }>}
     */
    create(fields: New, key?: string): Promise<Row & {
        etag?: string;
    }>;
    /**
     * @param {string} id
     * @param {Change} fields the fields that change
     * @param {string} [etag] of the row that the user saw; if the row has changed since, Refused has the status 412
     * @returns {Promise<Row & { etag?: string }>}
     */
    change(id: string, fields: Change, etag?: string): Promise<Row & {
        etag?: string;
    }>;
    /**
     * @param {string} id
     * @param {string} [etag]
     */
    delete(id: string, etag?: string): Promise<void>;
    #private;
}
/** Puts resellerd beside a panel that already decides by itself, area by area. */
export class Switchover {
    /** @param {Iterable<string>} enforced the areas, and types of rows, in which resellerd decides */
    constructor(enforced: Iterable<string>);
    /**
     * @param {User} user
     * @param {Question & { panel: boolean }} question with what the panel itself decided
     */
    may(user: User, question: Question & {
        panel: boolean;
    }): Promise<any>;
    #private;
}
export type Schemas = import("./openapi.d.ts").components["schemas"];
export type Answer = {
    status: number;
    headers: http.IncomingHttpHeaders;
    body: string;
};
export type Query = Record<string, string | number | boolean | (string | number | boolean)[]>;
/**
 * May the user do this? About an area if there is no id, else about a row.
 */
export type Question = {
    action: string;
    /**
     * an area such as cdr, or the type of a row such as customer
     */
    of: string;
    /**
     * of the row
     */
    id?: string | undefined;
    /**
     * of the row; of a row of the panel's own tables, account_id is its owner
     */
    properties?: Record<string, unknown> | undefined;
    /**
     * what the panel itself decided, for the report of disagreements
     */
    panel?: boolean | undefined;
};
import http from 'node:http';
