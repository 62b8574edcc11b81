<?php
declare(strict_types=1);

namespace Resellerd;

/** A page of a list. @implements \IteratorAggregate<int, array<string, mixed>> */
final class Page implements \IteratorAggregate, \Countable
{
    /**
     * @param list<array<string, mixed>> $items with the columns that the user may see
     * @param ?string $next, ?string $prev the cursors of other pages
     * @param ?int $total of all pages, if count was asked for
     */
    public function __construct(
        public readonly array $items,
        public readonly ?string $next = null,
        public readonly ?string $prev = null,
        public readonly ?int $total = null,
    ) {
    }

    public function getIterator(): \ArrayIterator
    {
        return new \ArrayIterator($this->items);
    }

    public function count(): int
    {
        return count($this->items);
    }
}
