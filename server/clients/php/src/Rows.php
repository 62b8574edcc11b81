<?php
declare(strict_types=1);

namespace Resellerd;

/** The rows of one collection, as one user sees them. Each has an etag: the version that the user saw. */
final class Rows
{
    public function __construct(private readonly User $user, private readonly string $path)
    {
    }

    /** @param array<string, scalar|list<scalar>> $query such as ['status' => 'active', 'sort' => '-name', 'count' => true] */
    public function list(array $query = []): Page
    {
        $page = $this->user->request('GET', $this->path . self::query($query))->document();
        return new Page($page['items'], $page['next'] ?? null, $page['prev'] ?? null, $page['total'] ?? null);
    }

    /**
     * The rows of all pages.
     *
     * @param array<string, scalar|list<scalar>> $query
     * @return \Generator<int, array<string, mixed>>
     */
    public function each(array $query = []): \Generator
    {
        $query += ['limit' => 1000];
        do {
            $page = $this->list($query);
            foreach ($page->items as $row) {
                yield $row;
            }
            $query['cursor'] = $page->next;
        } while ($page->next !== null);
    }

    /** @return array<string, mixed> */
    public function get(string $id): array
    {
        return self::row($this->user->request('GET', $this->one($id)));
    }

    /**
     * @param array<string, mixed> $fields
     * @param ?string $key repeats the request safely: resellerd writes once for each key
     * @return array<string, mixed>
     */
    public function create(array $fields, ?string $key = null): array
    {
        $headers = $key === null ? [] : ['Idempotency-Key' => $key];
        return self::row($this->user->request('POST', $this->path, $fields, $headers));
    }

    /**
     * @param array<string, mixed> $fields the fields that change
     * @param ?string $etag of the row that the user saw; if the row has changed since, Refused has the code 412
     * @return array<string, mixed>
     */
    public function change(string $id, array $fields, ?string $etag = null): array
    {
        return self::row($this->user->request('PATCH', $this->one($id), $fields, self::ifMatch($etag)));
    }

    public function delete(string $id, ?string $etag = null): void
    {
        $this->user->request('DELETE', $this->one($id), null, self::ifMatch($etag))->document();
    }

    private function one(string $id): string
    {
        return $this->path . '/' . rawurlencode($id);
    }

    /** @return array<string, string> */
    private static function ifMatch(?string $etag): array
    {
        return $etag === null ? [] : ['If-Match' => $etag];
    }

    /** @return array<string, mixed> */
    private static function row(Response $response): array
    {
        return $response->document() + array_filter(['etag' => $response->headers['etag'] ?? null]);
    }

    /** @param array<string, scalar|list<scalar>> $query */
    private static function query(array $query): string
    {
        $parts = [];
        foreach ($query as $name => $values) {
            foreach ((array) $values as $value) {
                $parts[] = rawurlencode($name) . '=' . rawurlencode(is_bool($value) ? ($value ? 'true' : 'false') : (string) $value);
            }
        }
        return $parts === [] ? '' : '?' . implode('&', $parts);
    }
}
