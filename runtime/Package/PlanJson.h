//===- PlanJson.h - a launch plan as a JSON value ---------------*- C++ -*-===//

#ifndef ATTN_LIB_RUNTIME_PLANJSON_H
#define ATTN_LIB_RUNTIME_PLANJSON_H

#include "JsonReader.h"
#include "attn/Runtime/Plan.h"

namespace attn::rt {

Json writePlan(const Plan &plan);

/// The first problem goes to `wrong`, if that is empty.
Plan readPlan(const Json &json, const std::string &path, std::string &wrong);

} // namespace attn::rt

#endif // ATTN_LIB_RUNTIME_PLANJSON_H
