<?php
declare(strict_types=1);

namespace Resellerd;

/** Puts resellerd beside a panel that already decides by itself, area by area. */
final class Switchover
{
    /**
     * @param list<string> $enforced the areas, and types of rows, in which resellerd decides. In all others, the
     *     panel decides and resellerd reports disagreements.
     */
    public function __construct(private readonly array $enforced)
    {
    }

    /**
     * @param bool $panel what the panel itself decided
     * @param array<string, mixed> $properties of a row of the panel's own tables
     */
    public function may(User $user, string $action, string $of, bool $panel, ?string $id = null, array $properties = []): bool
    {
        try {
            $ours = $user->decide([new Question($action, $of, $id, $properties, $panel)])[0]->allowed;
        } catch (Unavailable | Refused) {
            $ours = false; // where resellerd decides, a failure denies
        }
        return in_array($of, $this->enforced, true) ? $ours : $panel;
    }
}
