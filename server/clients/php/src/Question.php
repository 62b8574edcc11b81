<?php
declare(strict_types=1);

namespace Resellerd;

/** May the user do this? About an area if there is no id, else about a row. */
final class Question
{
    /**
     * @param string $of an area such as cdr, or the type of a row such as customer
     * @param ?string $id of the row
     * @param array<string, mixed> $properties of the row; of a row of the panel's own tables, account_id is its owner
     * @param ?bool $panel what the panel itself decided, for the report of disagreements
     */
    public function __construct(
        public readonly string $action,
        public readonly string $of,
        public readonly ?string $id = null,
        public readonly array $properties = [],
        public readonly ?bool $panel = null,
    ) {
    }

    /** @return array<string, mixed> as AuthZEN writes it, without the subject */
    public function evaluation(): array
    {
        $resource = $this->id === null ? ['type' => 'area', 'id' => $this->of] : ['type' => $this->of, 'id' => $this->id];
        return ['action' => ['name' => $this->action]]
            + ['resource' => $resource + ($this->properties === [] ? [] : ['properties' => $this->properties])]
            + ($this->panel === null ? [] : ['context' => ['panel_decision' => $this->panel]]);
    }
}
