<?php
// A global scope of Eloquent: in a model's booted(),
// static::addGlobalScope(new ResellerdScope($filters, ['account_id' => 'cdrs.account']));
// $filters asks POST /v1/filters and returns its answer.
declare(strict_types=1);

use Illuminate\Database\Eloquent\Builder;
use Illuminate\Database\Eloquent\Model;
use Illuminate\Database\Eloquent\Scope;

final class ResellerdScope implements Scope
{
    /** @param callable(array):array $filters */
    public function __construct(private $filters, private array $columns, private string $area = 'cdr')
    {
    }

    public function apply(Builder $builder, Model $model): void
    {
        $dialect = ['pgsql' => 'postgres', 'mariadb' => 'mysql'][$model->getConnection()->getDriverName()]
            ?? $model->getConnection()->getDriverName();
        $filter = ($this->filters)([
            'user' => (string) auth()->id(), 'area' => $this->area, 'dialect' => $dialect,
            'placeholders' => 'question', 'columns' => $this->columns,
        ]);
        $builder->whereRaw($filter['sql'], $filter['args']);
    }
}
