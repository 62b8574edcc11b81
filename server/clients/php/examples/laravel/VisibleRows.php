<?php
declare(strict_types=1);

namespace App\Models;

use Illuminate\Database\Eloquent\{Builder, Model, Scope};
use Resellerd\User;

/**
 * A global scope for a model of the panel's own rows: every query of the model, also
 * its count and its export, holds only rows that the user may read. In booted() of the model:
 *
 *     static::addGlobalScope(new VisibleRows($user, 'cdr', ['account_id' => 'account', 'called' => 'called']));
 */
final class VisibleRows implements Scope
{
    /** @param array<string, string> $columns of the model, by the names that the policy reads */
    public function __construct(private readonly User $user, private readonly string $area, private readonly array $columns)
    {
    }

    public function apply(Builder $builder, Model $model): void
    {
        $dialect = ['pgsql' => 'postgres', 'mysql' => 'mysql', 'mariadb' => 'mysql', 'sqlite' => 'sqlite'];
        $columns = array_map($model->qualifyColumn(...), $this->columns);
        $filter = $this->user->filter($this->area, $dialect[$model->getConnection()->getDriverName()], $columns);
        $builder->whereRaw($filter->sql, $filter->args);
    }
}
