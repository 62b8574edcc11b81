<?php
declare(strict_types=1);

namespace Resellerd;

/** The rows of a table of the panel's own that a user may act on: a condition for its queries. */
final class Filter
{
    /**
     * @param string $kind all, none or where
     * @param string $sql a condition: 1=1 for all, 1=0 for none, or in parentheses
     * @param list<string> $args of the placeholders, in their order
     * @param list<string> $columns that every row may show
     * @param array<string, array{mask: string, value?: string, sql?: string}> $masks columns that may be shown only in this form
     * @param \DateTimeImmutable $validUntil when to ask again
     */
    private function __construct(
        public readonly string $kind,
        public readonly string $sql,
        public readonly array $args,
        public readonly array $columns,
        public readonly array $masks,
        public readonly \DateTimeImmutable $validUntil,
    ) {
    }

    /** @param array<string, mixed> $document */
    public static function from(array $document): self
    {
        return new self(
            $document['kind'],
            $document['sql'],
            $document['args'],
            $document['columns'],
            $document['masks'] ?? [],
            new \DateTimeImmutable($document['valid_until']),
        );
    }
}
